// SPDX-License-Identifier: Apache-2.0
// Extended recordings of three kernels on the whole machine: results, texts, lists, links, events, all in the recordings' own time.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRecording } from '../../src/cli/recording-file.ts';
import { configFromObject } from '../../src/config/load.ts';
import type { KernelProfileName } from '../../src/config/types.ts';
import { GOLDEN_CONFIG, openGoldenHost } from '../../src/recorder/golden-host.ts';
import { type GoldenResult, replayGolden } from '../../src/sysfs/golden.ts';
import { type Circumstances, findCircumstances } from '../../src/sysfs/golden-search.ts';
import { recordedKernel } from '../../src/sysfs/recording.ts';

const GOLDEN = join(import.meta.dirname, '../golden');
const SETS = [
  { folder: 'vfio-ap-linux-6.1-extended', files: 11 },
  { folder: 'vfio-ap-linux-6.12-extended', files: 17 },
  { folder: 'vfio-ap-linux-7.2-extended', files: 21 },
] as const;

async function replay(
  text: string,
  name: string,
  changed: Partial<Circumstances> = {},
  toFirst = false,
) {
  const recorded = recordedKernel(text, name);
  const { config } = configFromObject(GOLDEN_CONFIG);
  const kernel = (recorded.profile ?? 'linux-6.12') as KernelProfileName;
  const switches = { ...recorded.switches, ...changed.switches };
  const host = await openGoldenHost(
    { ...config, host: { ...config.host, kernel, switches } },
    { ...recorded, ...changed },
  );
  const pauses = changed.pauses ?? recorded.pauses ?? {};
  const result = replayGolden(host, text, name, { toFirst, pauses });
  host.close();
  return { result, asked: host.asked };
}

const observed = (r: GoldenResult): number =>
  r.writes + r.reads + r.drivers + r.lists + r.links + r.uevents;

describe.each(SETS)('extended recordings of $folder', ({ folder, files }) => {
  const names = readdirSync(join(GOLDEN, folder)).filter((name) => name.endsWith('.jsonl.br'));

  it(`are all ${files} there`, () => {
    expect(names).toHaveLength(files);
  });

  it.each(names)('%s is what comes out here, time and events included', async (name) => {
    const { result } = await replay(readRecording(join(GOLDEN, folder, name)), name);
    expect(result.kinds).toEqual([]);
    expect(result.differences).toBe(0);
    expect(observed(result)).toBeGreaterThan(100);
  });
});

describe('a recording that is not what comes out here', () => {
  const NAME = 'sequence-702.ext.jsonl.br';
  const text = readRecording(join(GOLDEN, 'vfio-ap-linux-6.12-extended', NAME));

  it.each<[string, string | RegExp, string]>([
    ['a text', 'DECONFIGURED\\n', 'CHECKSTOPPED\\n'],
    ['an outcome', '"bogus\\n","EINVAL"', '"bogus\\n","ok"'],
    ['a key of an event', 'CONFIG=0\\nDEVTYPE=ap_card', 'CONFIG=2\\nDEVTYPE=ap_card'],
    [
      'the place of an event',
      '["uevent","change@/devices/ap/card05/05.0004\\n',
      '["uevent","change@/devices/ap/card05/05.0005\\n',
    ],
    ['an event too many', /(\["uevent",".*\n)/, '$1$1'],
    ['a name of a list', '"ap_config",', '"ap_konfig",'],
    ['what the operator did', '{"deconfigure":5}', '{"deconfigure":6}'],
    ['the build', '"switches":{}', '"switches":{"interruptFromTapq":false}'],
  ])('shows %s', async (_what, find, put) => {
    const wrong = text.replace(find, put);
    expect(wrong).not.toBe(text);
    const { result } = await replay(wrong, NAME);
    expect(result.differences).toBeGreaterThan(0);
    expect(result.kinds[0]?.count).toBeGreaterThan(0);
    expect(result.first?.line).toBeGreaterThan(1);
  });

  it('has differences of one kind together, with how many there are and the first', async () => {
    const lines = text
      .split('\n')
      .map((line) =>
        line.includes('/interrupt')
          ? line.replace(/"Interrupts \w+\./, '"Interrupts maybe.')
          : line,
      );
    const { result } = await replay(lines.join('\n'), NAME);
    expect(result.kinds.every(({ kind }) => kind.includes('QUEUE/interrupt'))).toBe(true);
    expect(result.kinds.reduce((sum, { count }) => sum + count, 0)).toBe(result.differences);
    expect(result.kinds.length).toBeLessThan(result.differences);
  });
});

describe('what a recording does not say', () => {
  it.each([
    [
      'the build',
      '7.2',
      '509',
      { switches: {} },
      { switches: { driverlessAtMaskEdit: 'attach-if-guest-owned' } },
    ],
    ['the turn of the random number generator', '6.12', '419', { turns: {} }, { turns: { 10: 1 } }],
  ] as const)(
    'is found: %s',
    async (_what, version, number, forgotten, found) => {
      const name = `sequence-${number}.ext.jsonl.br`;
      const said = readRecording(join(GOLDEN, `vfio-ap-linux-${version}-extended`, name));
      const profile = `linux-${version}`;
      const text = said.replace(/^.*\n/, `${JSON.stringify(['kernel', { profile }])}\n`);
      const start = { bootUs: 1_500_000, turns: {}, pauses: {}, switches: {}, ...forgotten };
      const circumstances = await findCircumstances(
        (tried, toFirst) => replay(text, name, tried, toFirst),
        start,
        { build: version === '7.2', aborted: () => false },
      );
      expect(circumstances).toMatchObject(found);
      const { result } = await replay(text, name, circumstances);
      expect(result.differences).toBe(0);
    },
    60_000,
  );
});
