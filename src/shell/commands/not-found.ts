// SPDX-License-Identifier: Apache-2.0
// What a shell says of a name that is no command.
// Source: bash 5.2, execute_cmd.c (126: found and not executable, 127: not found).

import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import { nearest } from '../../config/mistakes.ts';
import type { ShellContext } from '../context.ts';
import { NOT_EXECUTABLE, NOT_FOUND } from '../language/statuses.ts';
import { COMMANDS } from './commands.ts';

/** Message and exit status; a person typing is told what might have been meant. */
export function notFound(
  { files, options }: ShellContext,
  name: string,
): { readonly text: string; readonly status: number } {
  if (name.includes('/')) {
    const status = files.stat(name);
    if (!status.ok)
      return { text: `bash: ${name}: ${ERRNO_TEXT[status.errno]}`, status: NOT_FOUND };
    const reason = status.kind === 'dir' ? 'EISDIR' : 'EACCES';
    return { text: `bash: ${name}: ${ERRNO_TEXT[reason]}`, status: NOT_EXECUTABLE };
  }
  const close = options.interactive === true ? nearest(name, COMMANDS.keys()) : undefined;
  const hint = close === undefined ? '' : ` (did you mean ${close}?)`;
  return { text: `bash: ${name}: command not found${hint}`, status: NOT_FOUND };
}
