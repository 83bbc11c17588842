// SPDX-License-Identifier: Apache-2.0
// What can be said of a list by looking at it.
// Source: bash 5.2, manual, sections 3.5.4 (`$(< file)`) and 4.3.1 (`set -e`).
import type { Command, List, Redirect } from './ast.ts';

/** The file of a list that is nothing but `< FILE`. */
export function fileAlone([andOr, more]: List): Redirect | undefined {
  const command = andOr?.first.commands[0];
  const alone = more === undefined && andOr?.rest.length === 0 && andOr.first.commands.length === 1;
  if (!alone || command?.kind !== 'simple' || command.redirects.length !== 1) return undefined;
  const [redirect] = command.redirects;
  const bare = command.words.length + command.assignments.length === 0;
  return bare && redirect?.form === 'read' ? redirect : undefined;
}

/** Whether `set -e` looks at the status: not at that of a loop or `if`, whose commands it looked at already. */
export const isChecked = (commands: readonly Command[]): boolean =>
  commands.length > 1 ||
  ['simple', 'subshell', 'condition', 'arithmetic'].includes(commands[0]?.kind ?? '');
