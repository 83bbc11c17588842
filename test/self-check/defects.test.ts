// SPDX-License-Identifier: Apache-2.0
// Machines that are broken on purpose: the fuzzer finds each, and what it hands over is short and reproduces it.
import { expect, it } from 'vitest';
import { V_MASKS, V_TRUE_MASKS } from '../../native-like/machine/layout.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { loadConfigFile } from '../../src/index.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { plainConfig } from '../../src/self-check/config.ts';
import { findingConfig, findingOf, findingProgram } from '../../src/self-check/finding.ts';
import type { Rule } from '../../src/self-check/rules.ts';
import { replay, runStream } from '../../src/self-check/stream.ts';

interface Defect {
  readonly what: string;
  readonly rule: Rule;
  /** Lines of the reproducer at most, its three comments not counted. */
  readonly lines: number;
  readonly plant: (machine: Machine) => void;
}

/** Does something besides whenever the clock moves. */
const onAdvance = (machine: Machine, besides: () => void): void => {
  const advance = machine.advance.bind(machine);
  machine.advance = (ns) => {
    advance(ns);
    besides();
  };
};

const DEFECTS: readonly Defect[] = [
  {
    what: "a vCPU is tested against the host's masks",
    rule: 'isolation',
    lines: 1,
    plant: ({ image, guests }) => {
      const vcpu = image.vcpu(guests[0]!.number, 0);
      image.i32[vcpu + V_TRUE_MASKS] = image.masks(0);
      image.i32[vcpu + V_MASKS] = image.masks(0);
    },
  },
  {
    what: 'effective masks are not those of the CRYCB',
    rule: 'masks',
    lines: 1,
    plant: ({ image, guests }) => {
      image.i32[image.masks(guests[1]!.number)] = -1;
    },
  },
  {
    what: 'queues are emptied as time passes',
    rule: 'message',
    lines: 3,
    plant: (machine) =>
      onAdvance(machine, () => {
        for (let n = 1; n < machine.image.queues; n++)
          machine.kernel.flush(machine.image.queueRecord(n));
      }),
  },
  {
    what: 'the host resets the queues of a guest that has them, as time passes',
    rule: 'message',
    lines: 3,
    plant: (machine) =>
      onAdvance(machine, () => {
        for (let n = 1; n < machine.image.queues; n++)
          machine.host.bus.partition.zapq(machine.image.apqnOf(machine.image.queueRecord(n)));
      }),
  },
  {
    what: "something writes into a guest's storage",
    rule: 'storage',
    lines: 1,
    plant: (machine) =>
      onAdvance(machine, () => {
        machine.guests[1]!.storage[0x5000]!++;
      }),
  },
  {
    what: 'an operation fails',
    rule: 'crash',
    lines: 1,
    plant: (machine) =>
      onAdvance(machine, () => {
        throw new Error('broken on purpose');
      }),
  },
];

const config = plainConfig(loadConfigFile('examples/playground.yaml').config);
const MAX_STREAMS = 20;

it.each(DEFECTS.map((defect) => [defect.what, defect] as const))(
  'finds that %s and shortens it',
  async (_what, { rule, lines, plant }) => {
    let found: Awaited<ReturnType<typeof runStream>> | undefined;
    for (let seed = 1; seed <= MAX_STREAMS && found === undefined; seed++) {
      const result = await runStream({ config, seed, lines: 300, prepare: plant });
      if (result.violation !== undefined) found = result;
    }
    expect(found?.violation?.rule).toBe(rule);

    const finding = (await findingOf(found!, { prepare: plant }))!;
    expect(finding.statements.length).toBeLessThanOrEqual(lines);

    // What would be saved: text, read again, run on a fresh machine with and without the defect.
    const text = findingProgram(finding, 'saved.yaml');
    const { statements } = parseProgram(text, 'saved.ap');
    const saved = parseConfig(findingConfig(finding), 'saved.yaml').config;
    const { seed } = finding;
    const again = await replay(saved, statements, { seed, prepare: plant });
    expect(again?.violation).toEqual(finding.violation);
    expect(again?.lines).toBe(statements.length);
    expect(await replay(saved, statements, { seed })).toBeUndefined();
  },
);
