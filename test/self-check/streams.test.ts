// SPDX-License-Identifier: Apache-2.0
// The fuzzer on the whole machine: fixed seeds find nothing, and the same seed is the same stream.
import { describe, expect, it } from 'vitest';
import { configFromObject, parseConfig } from '../../src/config/load.ts';
import { loadConfigFile } from '../../src/index.ts';
import { Random } from '../../src/lpar/random.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { printProgram } from '../../src/program/print.ts';
import { configText, plainConfig, varyConfig } from '../../src/self-check/config.ts';
import { numbered } from '../../src/self-check/statements.ts';
import { addStatistics, emptyStatistics } from '../../src/self-check/statistics.ts';
import { checkedConfig, replay, runStream } from '../../src/self-check/stream.ts';

const example = (name: string) => plainConfig(loadConfigFile(`examples/${name}.yaml`).config);
const EXAMPLES = ['playground', 'two-guests'];
const STREAMS = 16;
const LINES = 400;

describe.each(EXAMPLES)('%s.yaml and its variations', (name) => {
  const config = example(name);

  it(`break no rule in ${STREAMS} streams of ${LINES} lines`, async () => {
    const total = emptyStatistics();
    for (let seed = 1; seed <= STREAMS; seed++) {
      const { violation, statistics } = await runStream({ config, seed, lines: LINES });
      expect(violation, `seed ${seed}`).toBeUndefined();
      addStatistics(total, statistics);
    }
    // The streams do something.
    expect(total.lines).toBe(STREAMS * LINES);
    expect(total.messages.answered).toBeGreaterThan(50);
    expect(total.messages.flushed).toBeGreaterThan(50);
    for (const ending of ['rc 00', 'rc 01', 'rc 02', 'pgm 0006'])
      expect(total.endings['NQAP']?.[ending], ending).toBeGreaterThan(0);
  });

  it('give the same stream for the same seed', async () => {
    const [first, second] = [1, 1].map((seed) => runStream({ config, seed, lines: 200 }));
    expect(await second).toEqual(await first);
  });

  it('give streams that are AP programs: printed, parsed and replayed they do the same', async () => {
    const { statements, config: varied } = await runStream({ config, seed: 3, lines: LINES });
    const program = { file: 's.ap', config: 's.yaml', statements: numbered(statements) };
    const parsed = parseProgram(printProgram(program), 's.ap');
    expect(parsed).toEqual(program);
    expect(await replay(checkedConfig(varied), parsed.statements, { seed: 3 })).toBeUndefined();
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'vary into configurations that can be saved: seed %s',
    (seed) => {
      const varied = varyConfig(config, new Random(seed));
      const saved = parseConfig(configText(varied, 'a comment'), 'saved.yaml').config;
      expect({ ...saved, file: undefined }).toEqual(configFromObject(varied).config);
      expect(varied).toEqual(varyConfig(config, new Random(seed)));
    },
  );
});

// 13.C15: a queue that left its guest and came back within one line; a checker that looked only after the line took what the
// host's reset had discarded for lost.
it.each([
  ['two-guests', 1252],
  ['playground', 892],
  // The reset was refused when the queue left, and the bus made it good when the queue came back.
  ['two-guests', 12_083],
])('13.C15: %s.yaml: seed %s accounts for what happens within a line', async (name, seed) => {
  const { violation } = await runStream({ config: example(name), seed, lines: LINES });
  expect(violation).toBeUndefined();
});
