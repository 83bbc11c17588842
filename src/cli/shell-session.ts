// SPDX-License-Identifier: Apache-2.0
// The administrator's shell for a connection: lines in, text out; variables, folder and status stay from line to line.

import { ApemuError } from '../errors.ts';
import { Machine } from '../host/machine.ts';
import type { ShellSession } from '../qemu/shell-socket.ts';
import { Shell } from '../shell/shell.ts';

/**
 * Opens a shell for one connection.
 *
 * @throws ApemuError APEMU_ERR_QEMU_SHELL for a partition without a host of ours
 */
export function shellSession(machine: object): ShellSession {
  if (!(machine instanceof Machine)) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_SHELL',
      'with --lpar the guest is the host: use its own shell',
    );
  }
  let text = '';
  const take = (part: string): void => {
    text += part;
  };
  const shell = new Shell(machine, { out: take, err: take });
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
  };
}
