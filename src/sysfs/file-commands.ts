// SPDX-License-Identifier: Apache-2.0
// cat, ls, readlink, tree and find over a tree of files: one table for the administrator's shell and for AP programs.
// Source: GNU coreutils 9.1 (messages); docs/design.md sections 6 and 7.
import { ERRNO_TEXT } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import {
  type FileCommand,
  type FileCommandInput,
  type FileResult,
  lettersOf,
  Report,
} from './file-tree.ts';
import { find } from './find.ts';
import { ls } from './ls.ts';
import { tree } from './tree.ts';

function* cat({ tree, args, stdin }: FileCommandInput): Operation<FileResult> {
  const report = new Report();
  const { flags, operands, refused } = lettersOf('cat', args, 'un');
  if (refused !== undefined) report.fail(refused, 1);
  else
    for (const path of operands.length === 0 ? ['-'] : operands) {
      if (path === '-') report.stdout += stdin;
      else {
        const read = yield* tree.readOperation(path);
        if (read.ok) report.stdout += read.text;
        else report.fail(`cat: ${path}: ${ERRNO_TEXT[read.errno]}`, 1, read.errno);
      }
    }
  if (flags.has('n')) report.stdout = numbered(report.stdout);
  return report.result();
}

const numbered = (text: string): string => {
  const lines = text.split(/(?<=\n)/).filter((line) => line !== '');
  return lines.map((line, n) => `${String(n + 1).padStart(6)}\t${line}`).join('');
};

function readlink({ tree, args }: FileCommandInput): FileResult {
  const report = new Report();
  const { flags, operands, refused } = lettersOf('readlink', args, 'efmnqsvz');
  if (refused !== undefined) report.fail(refused, 1);
  else if (operands.length === 0) report.fail('readlink: missing operand', 1);
  else
    for (const path of operands) {
      const follow = flags.has('e') || flags.has('f') || flags.has('m');
      const found = follow ? tree.realpath(path) : tree.readlink(path);
      if (found.ok) report.stdout += flags.has('n') ? found.text : `${found.text}\n`;
      // The real program prints nothing here.
      else {
        report.status = 1;
        report.errno ??= found.errno;
      }
    }
  return report.result();
}

/** The commands, one row for each. */
export const FILE_COMMANDS: Readonly<Record<string, FileCommand>> = {
  cat,
  ls,
  readlink,
  tree,
  find,
};
