// SPDX-License-Identifier: Apache-2.0
// SECURITY.md says of each promise what attacks it, and the table below of each fault that was found what shows it mended: the tests and
// attacks named are there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missing, type Shown } from '../tidy/shown.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What a cell of the table names: attack `name`; `test/file` "title". */
const shownIn = (cell: string): readonly Shown[] =>
  [...cell.matchAll(/attack `([\w-]+)`|`(test\/[^`]+)` "([^"]+)"/g)].map(
    ([, attack, file, title]) =>
      attack === undefined ? [file as string, title as string] : attack,
  );

/** Each kind of fault that attack and trial found, by its number, and what keeps it away. */
const FAULTS: readonly (readonly [id: string, what: string, shown: readonly Shown[]])[] = [
  [
    'A1',
    'a client of a socket, pipe or console ends the process',
    [
      ['test/qemu/streams.test.ts', 'ends nothing but itself'],
      ['test/qemu/streams.test.ts', 'have their errors owned in one place'],
      'shells',
    ],
  ],
  [
    'A2',
    "addresses from the guest's memory are used unchecked",
    [
      ['test/qemu/ram.test.ts', 'an access to guest storage'],
      ['test/qemu/ram.test.ts', 'a prefix the guest has put into its mailbox'],
      'mailboxes',
    ],
  ],
  [
    'A3',
    'something waits with a lock held',
    [
      ['test/aqic/waiting.test.ts', 'do not stop the machine (fuzz, seed 3604)'],
      ['test/aqic/waiting.test.ts', 'one thread cannot take the mdevs lock twice'],
    ],
  ],
  [
    'A4',
    "scripts reach the computer's files",
    [
      ['test/shell/hostile.test.ts', '13 A4: names are told apart by what they mean'],
      ['test/shell/hostile.test.ts', '13 A4: with --host-files'],
    ],
  ],
  [
    'A5',
    'texts hang or end the process, signals are not heard',
    [
      ['test/shell/hostile.test.ts', '13 A5: a text that would take for ever ends'],
      ['test/cli/bounds.test.ts', 'a text that is longer than anybody writes'],
      ['test/cli/bounds.test.ts', 'a short line that asks for much'],
      ['test/cli/process.test.ts', '13.A5: ends within a second of Ctrl-C'],
      'texts',
      'signals',
    ],
  ],
  [
    'A6',
    'QMP peers say anything',
    [
      ['test/qemu/qmp-peers.test.ts', 'a peer that greets'],
      ['test/qemu/qmp-peers.test.ts', 'a peer that answers'],
      ['test/qemu/qmp-peers.test.ts', 'is left by a user who gives up'],
      'qmp-peers',
    ],
  ],
  [
    'A7',
    'guest modules break their contract, threads die',
    [
      ['test/pool/modules.test.ts', '13.7: a guest module'],
      ['test/pool/modules.test.ts', '13.7: a thread that has died'],
      ['test/pool/threads.test.ts', 'leaves the adapter to the others'],
      ['test/pool/threads.test.ts', 'how long a thread could have run'],
      ['test/cli/endless.test.ts', '13.A7: a module whose step never ends'],
      'workers',
    ],
  ],
  [
    'B8',
    'the reason a guest ended is lost or wrong',
    [
      ['test/qemu/ram.test.ts', 'after close reaches nobody'],
      ['test/qemu/pause.test.ts', 'while the debug stub sets it going goes on'],
      ['test/qemu/serve.test.ts', 'closes its monitor, and stays'],
      ['test/linux/killed.test.ts', 'of QEMU ends serving'],
      'qemu-endings',
      'linux-endings',
    ],
  ],
  [
    'B9',
    'adapter interruptions go to the first CPU only',
    [
      ['test/qemu/interruptions.test.ts', 'goes to the second CPU when the first one %s'],
      ['test/qemu/interruptions.test.ts', 'looks again ever more rarely'],
      ['test/linux/lowcore-kernel.test.ts', 'sees on both CPUs what a machine shows'],
    ],
  ],
  [
    'B10',
    'lowcores are not as a kernel keeps them',
    [
      ['test/linux/lowcore-kernel.test.ts', 'sees on both CPUs what a machine shows'],
      ['test/linux/lowcore-kernel.test.ts', 'has written over the last MiB'],
    ],
  ],
  [
    'B11',
    'facilities and exit codes of test kernels',
    [
      ['test/linux/lowcore-kernel.test.ts', 'does not see facility 65 with --no-interrupts'],
      ['test/linux/run.test.ts', 'its exit code with --exit-status'],
    ],
  ],
  [
    'B12',
    'what is no AP instruction costs a round trip',
    [
      ['test/linux/bare-kernel.test.ts', '13.B12'],
      ['test/linux/hooked-kernel.test.ts', '13.B12'],
    ],
  ],
  ['B13', '--lpar ignores faults', [['test/qemu/lpar-machine.test.ts', '13.13: has the faults']]],
  ['C14', '2> writes nothing', [['test/shell/hostile.test.ts', '13 C14: what is redirected']]],
  [
    'C15',
    'the self-check looks only after a line',
    [
      ['test/self-check/streams.test.ts', '13.C15'],
      ['test/self-check/defects.test.ts', 'the host resets the queues of a guest that has them'],
    ],
  ],
  [
    'C16',
    'whose fault an error is, is told wrong',
    [
      ['test/cli/faults-of.test.ts', 'has its exit code and its words'],
      ['test/cli/faults-of.test.ts', 'a guest program that throws'],
      ['test/cli/faults-of.test.ts', 'says that its folder cannot be written'],
    ],
  ],
  [
    'C17',
    'length of NQAP and DQAP to a queue that is not available',
    [
      ['test/model/mutations.ts', 'unavailable-limit-12288'],
      ['test/vectors/operands.ts', 'AD-08: the largest limit'],
    ],
  ],
  [
    'C18',
    'messages that say nothing, configurations that take minutes',
    [
      ['test/config/large.test.ts', 'a configuration with 20,000'],
      ['test/config/large.test.ts', 'a text of 15 MB'],
      ['test/config/large.test.ts', 'hexadecimal digits without 0x'],
    ],
  ],
  [
    'C19',
    'the way back of a checkpoint copies the storage',
    [['test/host/checkpoint-parts.test.ts', '13.19: the way back copies pages that were written']],
  ],
  [
    'C20',
    'pools and handles in another order',
    [
      ['test/library/handles.test.ts', '13.20: after close'],
      ['test/library/handles.test.ts', '13.20: pools end in any order'],
      ['test/pool/modules.test.ts', 'leaves nothing of the machine'],
    ],
  ],
];

describe('SECURITY.md', () => {
  const rows = [...read('SECURITY.md').matchAll(/^\| (.+) \| (.+) \|$/gm)]
    .map(([, promise, attacked]) => [promise as string, attacked as string] as const)
    .filter(([, attacked]) => shownIn(attacked).length > 0);

  it('names what attacks its promises', () => expect(rows.length).toBeGreaterThan(15));

  it.each(rows)('%s', (_promise, attacked) => {
    expect(shownIn(attacked).filter(missing)).toEqual([]);
    // Nothing stands in the cell that this test does not see.
    expect(attacked.replaceAll(/attack `[\w-]+`|`test\/[^`]+` "[^"]+"|; /g, '')).toBe('');
  });
});

describe('faults that were found', () => {
  it.each(FAULTS)('%s: %s', (_id, _what, shown) => {
    expect(shown.filter(missing)).toEqual([]);
  });

  it('are all there', () => {
    const ids = [...'ABC'].flatMap((part) => FAULTS.filter(([id]) => id.startsWith(part)));
    expect(ids.map(([id]) => Number(id.slice(1)))).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
  });
});
