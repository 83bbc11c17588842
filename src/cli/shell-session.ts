// SPDX-License-Identifier: Apache-2.0
// The administrator's shell for a connection: lines in, text out; variables, folder and status stay from line to line.

import type { Cluster } from '../cluster/cluster.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import type { ShellSession } from '../qemu/shell-socket.ts';
import { Shell } from '../shell/shell.ts';
import type { RecentTrace } from '../trace/recent.ts';
import { MIB } from '../units.ts';
import { breathing } from './io.ts';

/** What a shell can have in addition to its machine. */
interface SessionOptions {
  /** The last AP instructions. */
  readonly trace?: RecentTrace;
  /** The machines of which this is one. */
  readonly cluster?: Cluster;
}

/** Characters of a command of several lines, and characters looked through for it: all there are again with each line. */
const PENDING_MAX = 0x10000;
const LOOKED_MAX = 0x400000;
/** Characters that a command may print: they are sent when it has ended. */
const PRINTED_MAX = 0x4000000;

/** Opens a shell for one connection. */
export function shellSession(
  machine: PartitionMachine,
  options: SessionOptions = {},
): ShellSession {
  let text = '';
  let gone = false;
  let interrupted = false;
  let show = (_stream: 'out' | 'err', part: string): void => {
    if (interrupted) return;
    text += part;
    interrupted = text.length > PRINTED_MAX;
  };
  // A client that goes away ends what it started; guests and other clients get their turns while a long command runs.
  const shell = new Shell(machine, {
    out: (part) => show('out', part),
    err: (part) => show('err', part),
    breathe: breathing(),
    interrupted: () => gone || interrupted,
    interactive: true,
    ...options,
  });
  let pending = '';
  let looked = 0;
  /** The whole command, which is then no longer pending. */
  const taken = (): string => {
    const lines = pending;
    pending = '';
    looked = 0;
    return lines;
  };
  return {
    async run(line) {
      pending += `${line}\n`;
      looked += pending.length;
      if (pending.length > PENDING_MAX || looked > LOOKED_MAX) {
        const { length } = taken().split('\n');
        return `bash: the command is longer than ${PENDING_MAX / 1024} KiB, or ${length - 1} lines are too many for it`;
      }
      if (shell.isIncomplete(pending)) return '';
      const lines = taken();
      text = '';
      interrupted = false;
      await shell.run(lines);
      return interrupted ? `${text}\nbash: output is longer than ${PRINTED_MAX / MIB} MiB` : text;
    },
    program: {
      async run(lines, shown) {
        show = shown;
        interrupted = false;
        return shell.run(lines);
      },
      isIncomplete: (lines) => shell.isIncomplete(lines),
      complete: (line) => shell.complete(line),
      interrupt: () => {
        interrupted = true;
      },
      get directory() {
        return shell.context.files.directory;
      },
      get ended() {
        return shell.ended;
      },
    },
    get ended() {
      return shell.ended;
    },
    close() {
      gone = true;
    },
  };
}
