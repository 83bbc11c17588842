// SPDX-License-Identifier: Apache-2.0
// find with the tests administrators use.
// Source: GNU findutils 4.9 (messages).
import { ERRNO_TEXT } from '../ap-bus/errno.ts';
import { type FileCommandInput, type FileResult, MAX_TREE_DEPTH, Report } from './file-tree.ts';
import { Glob } from './glob.ts';

/** Tests of find that take one argument. */
const FIND_KINDS: Readonly<Record<string, string>> = { c: 'char', d: 'dir', f: 'file', l: 'link' };

interface FindTests {
  name?: Glob;
  path?: Glob;
  kind?: string;
  maxdepth: number;
  mindepth: number;
}

/** The expression of find, or the message of what is wrong. */
function findTests(words: readonly string[]): FindTests | string {
  const tests: FindTests = { maxdepth: MAX_TREE_DEPTH, mindepth: 0 };
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '-print' || word === '-a') continue;
    if (!['-name', '-path', '-type', '-maxdepth', '-mindepth'].includes(word))
      return `find: unknown predicate \`${word}'`;
    const value = words[++i];
    if (value === undefined) return `find: missing argument to \`${word}'`;
    if (word === '-name') tests.name = new Glob(value);
    else if (word === '-path') tests.path = new Glob(value);
    else if (word === '-type') {
      if (!Object.hasOwn(FIND_KINDS, value)) return `find: Unknown argument to -type: ${value}`;
      tests.kind = FIND_KINDS[value];
    } else if (!/^\d{1,3}$/.test(value)) {
      return `find: Expected a positive decimal integer argument to ${word}, but got ‘${value}’`;
    } else tests[word === '-maxdepth' ? 'maxdepth' : 'mindepth'] = Number(value);
  }
  return tests;
}

/** `find [FOLDER…] [-name P] [-path P] [-type dfl] [-maxdepth N] [-mindepth N]`. */
export function find({ tree: files, args }: FileCommandInput): FileResult {
  const report = new Report();
  const first = args.findIndex((arg) => arg.startsWith('-'));
  const starts = first < 0 ? args : args.slice(0, first);
  const tests = findTests(first < 0 ? [] : args.slice(first));
  if (typeof tests === 'string') {
    report.fail(tests, 1);
    return report.result();
  }
  const visit = (path: string, depth: number): void => {
    const status = files.lstat(path);
    if (!status.ok) {
      report.fail(`find: ‘${path}’: ${ERRNO_TEXT[status.errno]}`, 1, status.errno);
      return;
    }
    const name = path.slice(path.lastIndexOf('/') + 1);
    const hit =
      depth >= tests.mindepth &&
      (tests.kind ?? status.kind) === status.kind &&
      (tests.name?.test(name) ?? true) &&
      (tests.path?.test(path) ?? true);
    if (hit) report.stdout += `${path}\n`;
    const listing = status.kind === 'dir' && depth < tests.maxdepth ? files.list(path) : undefined;
    if (listing?.ok)
      for (const child of listing.names) visit(`${path.replace(/\/$/, '')}/${child}`, depth + 1);
  };
  for (const start of starts.length === 0 ? ['.'] : starts) visit(start, 0);
  return report.result();
}
