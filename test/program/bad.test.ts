// SPDX-License-Identifier: Apache-2.0
// Every file of test/program/bad has one mistake; this table says where it is and what the user reads.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MistakesError } from '../../src/config/mistakes.ts';
import { parseProgram } from '../../src/program/parse.ts';

const DIRECTORY = new URL('./bad/', import.meta.url);

/** File, line, column, end of the code, part of the message. */
const ROWS: readonly [string, number, number, string, string][] = [
  ['no-header', 1, 1, 'HEADER', 'this is no AP program (expected the first line apemu-program 1)'],
  ['other-version', 1, 1, 'HEADER', 'this is no AP program'],
  ['empty', 1, 1, 'HEADER', 'this is no AP program'],
  ['no-subject', 2, 1, 'SUBJECT', 'the line names no subject: tapq 05.0004'],
  [
    'no-vcpu',
    2,
    1,
    'SUBJECT',
    'Guest1 names no vCPU (expected Guest1.0:, or host:, clock:, sysfs:, lpar:, fault:, migrate:, step:, user:, on, at, idle)',
  ],
  ['event-unknown', 2, 21, 'UNKNOWN_WORD', 'unknown event dropp, did you mean drop?'],
  ['event-missing', 2, 9, 'EVENT', 'nothing happens here (expected rc=, cc=, delay='],
  ['event-trigger', 2, 4, 'UNKNOWN_WORD', '07.04 is nothing a trigger knows'],
  ['event-occasion', 2, 9, 'NUMBER', '#0 is no occasion (expected #N or #N.. from 1)'],
  ['event-at-instruction', 2, 8, 'EVENT', 'rc happens to an instruction (expected on …:)'],
  ['event-wrong-function', 2, 9, 'EVENT', 'drop does not go with tapq (expected on nqap)'],
  ['event-field', 2, 16, 'UNKNOWN_FIELD', 'a reply has no colour (expected one of type, code'],
  ['event-field-range', 2, 21, 'NUMBER', 'code is 256 (expected a number up to 255'],
  ['event-user', 2, 7, 'EVENT', 'a user does not do this (expected request [xN]'],
  ['event-expectation', 2, 19, 'SYNTAX', 'an event has nothing to check'],
  ['unknown-mnemonic', 2, 11, 'UNKNOWN_WORD', 'unknown operation tapk, did you mean tapq?'],
  ['no-apqn', 2, 15, 'APQN', 'tapq needs an APQN (expected aa.dddd, such as 05.0004)'],
  ['apqn-notation', 2, 16, 'APQN', 'tapq needs an APQN, not 5.4'],
  ['apqn-domain-above-255', 2, 16, 'APQN', 'tapq needs an APQN, not 05.0100'],
  [
    'unknown-operand',
    2,
    24,
    'UNKNOWN_FIELD',
    'unknown field x (expected one of t, f, r1, r2, gr0 to gr15)',
  ],
  ['operand-of-another', 2, 24, 'UNKNOWN_FIELD', 'unknown field psmid'],
  ['operand-twice', 2, 28, 'TWICE', 't stands here a second time'],
  [
    'operand-no-number',
    2,
    26,
    'NUMBER',
    't is yes (expected a number, decimal, or hexadecimal with 0x)',
  ],
  ['operand-empty', 2, 26, 'NUMBER', 't is empty'],
  [
    'operand-range',
    2,
    26,
    'RANGE',
    't is 2 (expected a number up to 1, decimal, or hexadecimal with 0x)',
  ],
  [
    'hexadecimal-without-0x',
    2,
    29,
    'NUMBER',
    'addr is 4ff0 (expected a number, decimal, or hexadecimal with 0x)',
  ],
  [
    'register-too-wide',
    2,
    28,
    'RANGE',
    '(expected a number up to 0xffffffffffffffff, hexadecimal)',
  ],
  ['register-16', 2, 24, 'UNKNOWN_FIELD', 'unknown field gr16, did you mean gr1?'],
  ['word-without-name', 2, 24, 'SYNTAX', 't is no name=value'],
  [
    'instruction-word',
    2,
    16,
    'WORD',
    'b2af is no instruction word (expected eight hexadecimal digits, such as b2af0000)',
  ],
  ['no-expectation', 2, 26, 'SYNTAX', 'nothing follows => (expected cc=, rc=, pgm=, grN=)'],
  ['expectation-unknown', 2, 27, 'UNKNOWN_FIELD', 'unknown field re, did you mean rc?'],
  ['expectation-of-a-pair', 2, 27, 'UNKNOWN_FIELD', 'unknown field psmid'],
  ['condition-code-4', 2, 27, 'RANGE', 'cc is 4 (expected a condition code, 0 to 3)'],
  ['response-code', 2, 30, 'RANGE', 'rc is 100 (expected a number up to 0xff, hexadecimal)'],
  ['psw-field', 2, 15, 'UNKNOWN_FIELD', 'unknown field problem'],
  ['psw-empty', 2, 11, 'SYNTAX', 'psw says nothing'],
  ['psw-mode', 2, 11, 'RANGE', 'am is 32 (expected an addressing mode, 24, 31 or 64)'],
  [
    'mem-short',
    2,
    11,
    'SYNTAX',
    'mem needs more (expected mem ADDRESS = BYTES, or mem ADDRESS LENGTH)',
  ],
  ['mem-odd-digits', 2, 24, 'BYTES', '012 are no bytes'],
  ['mem-no-digits', 2, 24, 'BYTES', 'xyz are no bytes'],
  ['mem-nothing', 2, 23, 'BYTES', 'nothing follows ='],
  ['mem-too-much', 2, 24, 'RANGE', '00*99999999 are 99999999 bytes'],
  ['mem-write-expects', 2, 27, 'SYNTAX', 'writing storage has nothing to check (expected no =>)'],
  ['mem-length-differs', 2, 27, 'BYTES', '1 bytes are expected of 2 read (expected 2 bytes)'],
  ['mem-length-0', 2, 22, 'RANGE', 'the length is 0'],
  ['mem-address', 2, 15, 'RANGE', 'the address is 0x80000000'],
  ['io-operand', 2, 14, 'SYNTAX', '6 is too much'],
  ['io-expectation', 2, 21, 'RANGE', 'isc is 8 (expected a number up to 7'],
  [
    'clock-verb',
    2,
    8,
    'UNKNOWN_WORD',
    'the clock does not know this (expected advance TIME, or run)',
  ],
  [
    'clock-without-unit',
    2,
    16,
    'NUMBER',
    '5 is no time (expected a time with its unit, such as 100us, 2ms, 1s)',
  ],
  ['clock-expectation', 2, 15, 'SYNTAX', 'the clock knows one thing (expected now=TIME)'],
  ['sysfs-empty', 2, 7, 'SYNTAX', 'sysfs needs a command'],
  [
    'sysfs-outcome',
    2,
    18,
    'SYNTAX',
    'good is no outcome (expected ok, pending, an errno name or a quoted text)',
  ],
  ['sysfs-two-outcomes', 2, 21, 'SYNTAX', 'EINVAL is too much'],
  ['quote-open', 2, 18, 'QUOTE', 'the quoted text does not end (expected a closing ")'],
  ['quote-escape', 2, 19, 'QUOTE', 'unknown escape \\x'],
  [
    'lpar-verb',
    2,
    7,
    'UNKNOWN_WORD',
    'unknown operation deconfig (expected one of configure, deconfigure, checkstop',
  ],
  [
    'lpar-operand',
    2,
    18,
    'NUMBER',
    'deconfigure got nothing (expected an adapter number, 0 to 255, decimal, or hexadecimal with 0x)',
  ],
  [
    'lpar-range',
    2,
    18,
    'NUMBER',
    'add-domain got 256 (expected a domain number, 0 to 255, decimal, or hexadecimal with 0x)',
  ],
  ['lpar-too-much', 2, 19, 'SYNTAX', '6 is too much'],
  ['fault-target', 2, 8, 'APQN', '5 is no target (expected an APQN, a guest, any, or clear)'],
  ['fault-field', 2, 24, 'UNKNOWN_FIELD', 'rv=05 is nothing a fault knows'],
  ['fault-instruction', 2, 19, 'NUMBER', 'on is dqab (expected one of tapq,'],
  [
    'fault-two-effects',
    2,
    8,
    'FAULT',
    'a fault has 2 effects (expected exactly one of rc, cc, drop, delay, reorder, reply)',
  ],
  [
    'fault-reply',
    2,
    22,
    'NUMBER',
    'reply is 82 (expected a reply such as 82/8a, 86/8b/1234, cca/8/2290, ep11/80010001, shape/echo)',
  ],
  ['fault-reply-shape', 2, 22, 'FAULT', 'reply shape ecko is unknown; known are'],
  ['fault-reply-function', 2, 37, 'NUMBER', 'function is pk (expected a function'],
  ['fault-no-effect', 2, 8, 'FAULT', 'a fault has 0 effects'],
  ['fault-expects', 2, 22, 'SYNTAX', 'a fault has nothing to check'],
  [
    'config-twice',
    3,
    1,
    'SYNTAX',
    'config stands too late (expected one config line, before all others)',
  ],
  [
    'step-no-name',
    2,
    6,
    'SYNTAX',
    'step needs a name (expected NAME sysfs: …, lpar: …, clock: … or migrate: …; NAME [COUNT]; or all)',
  ],
  [
    'machine-guest',
    2,
    1,
    'SUBJECT',
    'A/Guest1 is no part of a machine (expected A/host:, A/sysfs:',
  ],
  ['machine-clock', 2, 1, 'SUBJECT', 'A/clock is no part of a machine'],
  [
    'migrate-nothing',
    2,
    9,
    'SYNTAX',
    'migrate needs a guest and a machine (expected GUEST MACHINE',
  ],
  ['migrate-option', 2, 19, 'UNKNOWN_FIELD', 'migrate got speed=3 (expected GUEST MACHINE [chunk='],
  ['migrate-chunk', 2, 19, 'UNKNOWN_FIELD', 'migrate got chunk=0'],
  ['migrate-wire', 2, 19, 'UNKNOWN_FIELD', 'migrate got wire=0:f'],
  ['migrate-cancel-more', 2, 24, 'SYNTAX', ''],
  ['step-not-begun', 2, 7, 'UNKNOWN_WORD', 'A has not begun'],
  ['step-count', 3, 9, 'NUMBER', 'step got none'],
  ['step-all-more', 2, 11, 'SYNTAX', ''],
  ['step-expectation', 3, 9, 'SYNTAX', 'a step that goes on'],
  ['step-of-a-vcpu', 2, 9, 'NUMBER', 'step got Guest1.0:'],
  ['config-late', 3, 1, 'SYNTAX', 'config stands too late'],
  ['config-empty', 2, 1, 'SYNTAX', 'config takes one file (expected config FILE)'],
];

function mistakesOf(name: string): MistakesError {
  try {
    parseProgram(readFileSync(new URL(`${name}.ap`, DIRECTORY), 'utf8'), `${name}.ap`);
  } catch (error) {
    if (error instanceof MistakesError) return error;
    throw error;
  }
  throw new Error(`${name}.ap was accepted`);
}

describe('a program with one mistake is refused with file, line, column and what was expected', () => {
  it.each(ROWS)('%s', (name, line, column, code, message) => {
    const error = mistakesOf(name);
    expect(error.mistakes).toHaveLength(1);
    const { place } = error.mistakes[0];
    expect(error.message).toContain(message);
    expect(error.code).toBe(`APEMU_ERR_PROGRAM_${code}`);
    expect(`${place.file}:${place.line}:${place.column}`).toBe(`${name}.ap:${line}:${column}`);
  });

  it('every file of the directory has its row', () => {
    const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.ap'));
    expect(files.sort()).toEqual(ROWS.map(([name]) => `${name}.ap`).sort());
  });

  it('many mistakes come together, in the order of the file', () => {
    const text = 'apemu-program 1\nclock: stop\nGuest1.0: tapq 05.0004\nGuest1.0: tapk\nlpar: x\n';
    expect(() => parseProgram(text, 'm.ap')).toThrow(/^m\.ap:2:.*\nm\.ap:4:.*\nm\.ap:5:[^\n]*$/);
  });
});
