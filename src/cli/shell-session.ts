// SPDX-License-Identifier: Apache-2.0
// The administrator's shell for a connection: lines in, text out; variables, folder and status stay from line to line.

import type { Machine } from '../host/machine/machine.ts';
import type { ShellSession } from '../qemu/shell-socket.ts';
import { Shell } from '../shell/shell.ts';
import { breathing } from './io.ts';

/** Opens a shell for one connection. */
export function shellSession(machine: Machine): ShellSession {
  let text = '';
  const take = (part: string): void => {
    text += part;
  };
  let gone = false;
  // A client that goes away ends what it started; guests and other clients get their turns while a long command runs.
  const shell = new Shell(machine, {
    out: take,
    err: take,
    breathe: breathing(),
    interrupted: () => gone,
  });
  let pending = '';
  return {
    async run(line) {
      pending += `${line}\n`;
      if (shell.isIncomplete(pending)) return '';
      const lines = pending;
      pending = '';
      text = '';
      await shell.run(lines);
      return text;
    },
    get ended() {
      return shell.ended;
    },
    close() {
      gone = true;
    },
  };
}
