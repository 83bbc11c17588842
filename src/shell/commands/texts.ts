// SPDX-License-Identifier: Apache-2.0
// The texts that commands work on: files, or standard input if none is named.
// Source: GNU coreutils 9.1 (messages).

import { finishAtOnce } from '../../ap-bus/driving.ts';
import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import type { Report } from '../../sysfs/file-tree.ts';
import type { Invocation } from './command-row.ts';

export interface Named {
  readonly name: string;
  readonly text: string;
}

/** The contents of files, or of standard input if none is named. Files that fail are reported as `name: …`. */
export function textsOf(
  { context, input, name }: Invocation,
  paths: readonly string[],
  report: Report,
  failure = 1,
): Named[] {
  const texts: Named[] = [];
  for (const path of paths.length === 0 ? ['-'] : paths) {
    if (path === '-') {
      texts.push({ name: '(standard input)', text: input.all() });
      continue;
    }
    const read = finishAtOnce(context.files.readOperation(path))?.value;
    if (read?.ok) texts.push({ name: path, text: read.text });
    else {
      const errno = read?.errno ?? 'EINTR';
      const what = name === 'sort' ? `cannot read: ${path}` : path;
      report.fail(`${name}: ${what}: ${ERRNO_TEXT[errno]}`, failure, errno);
    }
  }
  return texts;
}

/** Lines without their newlines. */
export const linesOf = (text: string): string[] =>
  (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n').slice(text === '' ? 1 : 0);
