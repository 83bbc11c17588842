// SPDX-License-Identifier: Apache-2.0
// What a shell says about a name that is not a command.
// Source: bash 5.2, execute_cmd.c (126: found and not executable, 127: not found).

import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import { nearest } from '../../config/mistakes.ts';
import { OWN_SHELL, type ShellContext } from '../context.ts';
import { NOT_EXECUTABLE, NOT_FOUND } from '../language/statuses.ts';
import { COMMANDS, commandsOf } from './commands.ts';

/** Message and exit status. A person who types is also told what might have been meant. */
export function notFound(
  context: ShellContext,
  name: string,
): { readonly text: string; readonly status: number } {
  const { files, options } = context;
  if (name.includes('/')) {
    const status = files.stat(name);
    if (!status.ok)
      return { text: `bash: ${name}: ${ERRNO_TEXT[status.errno]}`, status: NOT_FOUND };
    const reason = status.kind === 'dir' ? 'EISDIR' : 'EACCES';
    return { text: `bash: ${name}: ${ERRNO_TEXT[reason]}`, status: NOT_EXECUTABLE };
  }
  const commands = commandsOf(context);
  const close = options.interactive === true ? nearest(name, commands.keys()) : undefined;
  const meant = close === undefined ? '' : ` (did you mean ${close}?)`;
  const hint = COMMANDS.has(name) ? `: ${OWN_SHELL}` : meant;
  return { text: `bash: ${name}: command not found${hint}`, status: NOT_FOUND };
}
