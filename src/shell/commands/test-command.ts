// SPDX-License-Identifier: Apache-2.0
// `test` and `[`: conditions on files, texts and numbers.
// Source: POSIX.1-2017, utilities, test; messages of bash 5.2.

import { finishAtOnce } from '../../ap-bus/driving.ts';
import { type CommandResult, done } from '../../sysfs/command.ts';
import type { FileTree } from '../../sysfs/file-tree.ts';
import type { Invocation } from './command-row.ts';

/** The condition is not valid; has the message, and leads to status 2. */
class TestError extends Error {}

/** A test of one operand. */
export type Unary = (operand: string, files: FileTree) => boolean;

const modeHas =
  (bit: number): Unary =>
  (path, files) => {
    const status = files.stat(path);
    return status.ok && (status.mode & bit) !== 0;
  };
const isKind =
  (kind: string): Unary =>
  (path, files) => {
    const status = files.stat(path);
    return status.ok && status.kind === kind;
  };
const isLink: Unary = (path, files) => {
  const status = files.lstat(path);
  return status.ok && status.kind === 'link';
};

const never: Unary = () => false;

export const UNARY: Readonly<Record<string, Unary>> = {
  '-e': (path, files) => files.stat(path).ok,
  '-a': (path, files) => files.stat(path).ok,
  '-c': isKind('char'),
  '-b': never,
  '-p': never,
  '-S': never,
  // The user is root, and every file belongs to root.
  '-O': (path, files) => files.stat(path).ok,
  '-G': (path, files) => files.stat(path).ok,
  '-t': never,
  '-f': isKind('file'),
  '-d': isKind('dir'),
  '-s': (path, files) => {
    const status = files.stat(path);
    if (!status.ok || status.kind !== 'file') return false;
    const read = finishAtOnce(files.readOperation(path))?.value;
    return read === undefined || !read.ok || read.text !== '';
  },
  '-r': modeHas(0o444),
  '-w': modeHas(0o222),
  '-x': modeHas(0o111),
  '-L': isLink,
  '-h': isLink,
  '-n': (text) => text !== '',
  '-z': (text) => text === '',
};

function number(text: string): number {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new TestError(`${text}: integer expression expected`);
  return Number(text);
}

const BINARY: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '-eq': (a, b) => number(a) === number(b),
  '-ne': (a, b) => number(a) !== number(b),
  '-lt': (a, b) => number(a) < number(b),
  '-le': (a, b) => number(a) <= number(b),
  '-gt': (a, b) => number(a) > number(b),
  '-ge': (a, b) => number(a) >= number(b),
};

/** `-nt`, `-ot` and `-ef`. Files have no times here. */
export function compareFiles(operator: string, a: string, b: string, files: FileTree): boolean {
  if (operator !== '-ef') return files.stat(a).ok && !files.stat(b).ok && operator === '-nt';
  const [first, second] = [files.realpath(a), files.realpath(b)];
  return first.ok && second.ok && first.text === second.text;
}

/** Highest number of parentheses and `!` inside each other. */
const MAX_TEST_DEPTH = 1000;

/** Evaluates a condition by recursive descent over its words; -o binds weakest. */
class Condition {
  readonly #words: readonly string[];
  readonly #files: FileTree;
  #at = 0;
  #depth = 0;

  constructor(words: readonly string[], files: FileTree) {
    this.#words = words;
    this.#files = files;
  }

  whole(): boolean {
    if (this.#words.length === 0) return false;
    const value = this.#or();
    if (this.#at < this.#words.length) throw new TestError('too many arguments');
    return value;
  }

  #or(): boolean {
    let value = this.#and();
    while (this.#words[this.#at] === '-o') {
      this.#at++;
      const right = this.#and();
      value ||= right;
    }
    return value;
  }

  #and(): boolean {
    let value = this.#primary();
    while (this.#words[this.#at] === '-a') {
      this.#at++;
      const right = this.#primary();
      value &&= right;
    }
    return value;
  }

  #primary(): boolean {
    if (++this.#depth > MAX_TEST_DEPTH) throw new TestError('too many arguments');
    const value = this.#operand();
    this.#depth--;
    return value;
  }

  #operand(): boolean {
    const [first, second, third] = this.#words.slice(this.#at, this.#at + 3);
    if (first === undefined) throw new TestError('argument expected');
    if (second !== undefined && third !== undefined && Object.hasOwn(BINARY, second)) {
      this.#at += 3;
      return (BINARY[second] as (a: string, b: string) => boolean)(first, third);
    }
    if (first === '!' && second !== undefined) {
      this.#at++;
      return !this.#primary();
    }
    if (first === '(' && second !== undefined) {
      this.#at++;
      const value = this.#or();
      if (this.#words[this.#at++] !== ')') throw new TestError("`)' expected");
      return value;
    }
    if (second !== undefined && Object.hasOwn(UNARY, first)) {
      this.#at += 2;
      return (UNARY[first] as Unary)(second, this.#files);
    }
    this.#at++;
    if (second !== undefined && !['-a', '-o', ')'].includes(second))
      throw new TestError(
        third === undefined
          ? `${first}: unary operator expected`
          : `${second}: binary operator expected`,
      );
    return first !== '';
  }
}

/** `test EXPRESSION` and `[ EXPRESSION ]`. Status 0: true; 1: false; 2: not valid. */
export function test({ name, args, context }: Invocation): CommandResult {
  const wrong = (message: string): CommandResult => ({
    stdout: '',
    stderr: `bash: ${name}: ${message}\n`,
    status: 2,
  });
  if (name === '[' && args.at(-1) !== ']') return wrong("missing `]'");
  try {
    const holds = new Condition(name === '[' ? args.slice(0, -1) : args, context.files).whole();
    return { ...done(''), status: holds ? 0 : 1 };
  } catch (error) {
    if (error instanceof TestError) return wrong(error.message);
    throw error;
  }
}
