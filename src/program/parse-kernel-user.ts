// SPDX-License-Identifier: Apache-2.0
// Parses what the user of a kernel under test does in addition to requests: `echo TEXT > FILE`, `cat FILE`, `signal`.
// Source: docs/design.md section 10.
import type { UserEvent } from './events.ts';
import { LineError, type Token } from './lexer.ts';
import { noMore } from './parse-fields.ts';

/** A file of sysfs, proc or dev in a guest, and what is written there: nothing a shell would do anything with. */
const FILE = /^\/(?:sys|proc|dev)\/[\w.:+/-]{1,200}$/;
const TEXT = /^[\w.,:+=-]{1,200}$/;

/** Whether a line of a scenario can say so. */
export const isFile = (file: string): boolean => FILE.test(file);
export const isText = (text: string): boolean => TEXT.test(text);

/** What only the user of a kernel does; undefined: another word. */
export function parseKernelUser(words: readonly Token[]): UserEvent | undefined {
  const [verb, ...rest] = words;
  if (verb === undefined) return undefined;
  const text = rest.map((word) => word.text);
  const wrong = (what: string, expected: string): LineError =>
    new LineError('EVENT', rest[0]?.column ?? verb.column, what, expected);
  switch (verb.text) {
    case 'echo': {
      const [what = '', arrow, file = ''] = text;
      if (text.length !== 3 || arrow !== '>' || !isText(what) || !isFile(file))
        throw wrong(
          'this is not written anywhere',
          'echo WORD > FILE, a file of /sys, /proc or /dev',
        );
      return { kind: 'write', text: what, file };
    }
    case 'cat':
      if (text.length !== 1 || !isFile(text[0]))
        throw wrong('this is not read', 'cat FILE, a file of /sys, /proc or /dev');
      return { kind: 'read', file: text[0] };
    case 'signal':
      noMore(rest, 0);
      return { kind: 'signal' };
    default:
      return undefined;
  }
}
