// SPDX-License-Identifier: Apache-2.0
// `migrate:` lines: a guest moves to another machine, or what is under way is cancelled.
// Source: docs/migration.md (two hosts).

import { isMovedInterruptions, MOVED_INTERRUPTIONS } from '../cluster/interruptions.ts';
import { parseNumber } from '../config/units.ts';
import type { MigrateFields, MigrateStatement } from './ast.ts';
import { LineError, type LineParts, type Token } from './lexer.ts';
import { noMore, parseOutcome } from './parse-fields.ts';
import { type Head, readDuration } from './parse-host.ts';

/** The word in place of a machine that ends a migration. */
export const CANCEL = 'cancel';
const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;
const EXPECTED = `GUEST MACHINE [chunk=BYTES] [downtime=TIME] [interruptions=${MOVED_INTERRUPTIONS.join('|')}] [wire=OFFSET:BYTES], or GUEST cancel`;
/** Largest stream: a header and 65,536 queues. */
const STREAM_BYTES = 0x110000;

/** `Guest1 B chunk=16 downtime=20ms interruptions=told wire=0:00ff`, `Guest1 cancel`. */
export function parseMigrate(
  head: Head,
  tokens: readonly Token[],
  parts: LineParts,
): MigrateStatement {
  const [guest, to, ...fields] = tokens;
  for (const token of [guest, to]) {
    if (token === undefined || !NAME.test(token.text)) {
      const at = token?.column ?? parts.body.trimEnd().length + 1;
      throw new LineError('SYNTAX', at, 'migrate needs a guest and a machine', EXPECTED);
    }
  }
  if (to.text === CANCEL) noMore(fields, 0);
  return {
    kind: 'migrate',
    ...head,
    guest: guest.text,
    to: to.text === CANCEL ? undefined : to.text,
    options: Object.assign({}, ...fields.map(parseOption)),
    expect: parseOutcome(parts.expectation, parts.expectationColumn),
  };
}

type ReadOption = (token: Token, text: string) => MigrateFields;

const OPTIONS: Readonly<Record<string, ReadOption>> = {
  chunk: (token, text) => ({ chunk: within(token, text, 1, STREAM_BYTES) }),
  downtime: (token, text) => ({ downtimeNs: readDuration({ ...token, text }) }),
  interruptions: (token, text) => {
    if (!isMovedInterruptions(text)) throw wrong(token);
    return { interruptions: text };
  },
  wire: (token, text) => {
    const match = /^(\w+):((?:[0-9a-fA-F]{2})+)$/.exec(text);
    if (match === null) throw wrong(token);
    const [, offset, hex] = match;
    return { wire: { offset: within(token, offset, 0, STREAM_BYTES), hex: hex.toLowerCase() } };
  },
};

function parseOption(token: Token): MigrateFields {
  const equals = token.text.indexOf('=');
  const name = token.text.slice(0, Math.max(equals, 0));
  if (!Object.hasOwn(OPTIONS, name)) throw wrong(token);
  return OPTIONS[name](token, token.text.slice(equals + 1));
}

function within(token: Token, text: string, least: number, most: number): number {
  const value = parseNumber(text);
  if (value === undefined || value < least || value > most) throw wrong(token);
  return value;
}

const wrong = (token: Token): LineError =>
  new LineError('UNKNOWN_FIELD', token.column, `migrate got ${token.text}`, EXPECTED);
