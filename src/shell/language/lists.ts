// SPDX-License-Identifier: Apache-2.0
// Properties of a list that can be seen without running it.
// Source: bash 5.2, manual, sections 3.5.4 (`$(< file)`) and 4.3.1 (`set -e`).
import type { Command, List, Redirect } from './ast.ts';

/** The file of a list that consists of `< FILE` only. */
export function fileAlone([andOr, more]: List): Redirect | undefined {
  const command = andOr?.first.commands[0];
  const alone = more === undefined && andOr?.rest.length === 0 && andOr.first.commands.length === 1;
  if (!alone || command?.kind !== 'simple' || command.redirects.length !== 1) return undefined;
  const [redirect] = command.redirects;
  const bare = command.words.length + command.assignments.length === 0;
  return bare && redirect?.form === 'read' ? redirect : undefined;
}

/** Whether `set -e` looks at the status. It does not for a loop or `if`, since it has looked at their commands already. */
export const isChecked = (commands: readonly Command[]): boolean =>
  commands.length > 1 ||
  ['simple', 'subshell', 'condition', 'arithmetic'].includes(commands[0]?.kind ?? '');
