// SPDX-License-Identifier: Apache-2.0
// Parts of quoting that only the text decides: `$'…'`, and where arithmetic ends.
// Source: bash 5.2, manual, section 3.1.2.4 (ANSI-C quoting).
import { ShellSyntaxError } from './ast.ts';

const ANSI_ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', v: '\v' },
};

/** `'…'` after a dollar sign, with the escapes of C. */
export function ansiText(
  source: string,
  at: number,
): { readonly text: string; readonly end: number } {
  const match = /'((?:[^'\\]|\\.)*)'/sy;
  match.lastIndex = at;
  const found = match.exec(source);
  if (found === null)
    throw new ShellSyntaxError("unexpected EOF while looking for matching `''", true);
  const escapes = /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3})|(.))/gs;
  const text = found[1].replace(escapes, (all, hex, unicode, octal, letter) => {
    if (hex !== undefined || unicode !== undefined)
      return String.fromCharCode(Number.parseInt(hex ?? unicode, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    return ANSI_ESCAPES[letter as string] ?? ('\\\'"?'.includes(letter) ? letter : all);
  });
  return { text, end: match.lastIndex };
}

/** The place of the `))` that ends arithmetic, or the end of the text. */
export function arithmeticEnd(text: string, from: number): number {
  let open = 0;
  for (let at = from; at < text.length; at++) {
    const c = text[at];
    if (c === '(') open++;
    else if (c === ')' && open-- === 0) return at;
  }
  throw new ShellSyntaxError("unexpected EOF while looking for matching `)'", true);
}
