// SPDX-License-Identifier: Apache-2.0
// A shell over several machines: which one commands act on, and guests that migrate.
// Source: docs/migration.md (two hosts).
import { afterEach, describe, expect, it } from 'vitest';
import { Cluster } from '../../src/cluster/cluster.ts';
import { loadConfigOrClusterFile } from '../../src/config/load.ts';
import { Shell } from '../../src/shell/shell.ts';

const FILE = new URL('../../examples/migration/two-hosts.yaml', import.meta.url).pathname;

const shells: Shell[] = [];
afterEach(() => {
  for (const shell of shells.splice(0)) shell.close();
});

/** Runs a text on the machines of the example: output and errors in their order, and the status. */
const run = async (text: string): Promise<{ readonly text: string; readonly status: number }> => {
  const { config } = loadConfigOrClusterFile(FILE);
  if (!('machines' in config)) throw new Error('no cluster');
  const cluster = await Cluster.create(config);
  let seen = '';
  const write = (part: string): void => {
    seen += part;
  };
  const shell = new Shell(cluster.machine('A'), { out: write, err: write, cluster });
  shells.push(shell);
  const status = await shell.run(text);
  return { text: seen, status };
};

const ROWS: readonly (readonly [name: string, text: string, output: RegExp, status: number])[] = [
  ['machine lists them', 'machine', /^ {3}NAME {2}GUESTS\n\* {2}A {5}Guest1\n {3}B {5}-\n$/, 0],
  ['machine changes to another', 'machine B; machine', /\n\* {2}B {5}-\n$/, 0],
  ['a machine that is not there', 'machine C', /there is no machine C \(expected one of A, B\)/, 1],
  ['a guest moves', 'guest migrate Guest1 B', /^Guest1 is on machine B\n$/, 0],
  [
    'a guest that moved is listed where it is',
    'guest migrate Guest1 B; guest list',
    /Guest1 +on B/,
    0,
  ],
  [
    'its program goes on there',
    'guest start Guest1; guest migrate Guest1 B --chunk 16 --downtime 5ms; machine B; sleep 2; guest statistics Guest1',
    /state +running[\s\S]*answered +[1-9]/,
    0,
  ],
  ['a guest that is there already', 'guest migrate Guest1 A', /Guest1 is on machine A already/, 1],
  [
    'a destination that cannot take it says why',
    'machine B; echo +6 > /sys/bus/ap/apmask; machine A; guest migrate Guest1 B',
    /load of migration failed: No such device/,
    1,
  ],
  [
    'a guest of another machine is not started twice',
    'machine B; guest start Guest1',
    /^guest: Guest1 is on A$/m,
    1,
  ],
  ['a wrong option', 'guest migrate Guest1 B --chunk 0', /^usage: guest migrate NAME MACHINE/m, 2],
  ['the time of both is the same', 'sleep 3; machine B; clock', /^(?!\s*0\b)/, 0],
  ['restore', 'restore /x', /there are several machines/, 1],
];

describe('a shell over several machines', () => {
  it.each(ROWS)('%s', async (_name, text, output, status) => {
    const seen = await run(text);
    expect(seen.text).toMatch(output);
    expect(seen.status).toBe(status);
  });
});
