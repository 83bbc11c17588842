// SPDX-License-Identifier: Apache-2.0
// `apemu explain WHAT`: a response code, a program interruption or an errno in words.
// Source: docs/reference/ap-architecture.md sections 2.1 and 3.1; docs/reference/vfio-ap.md sections 2 and 3 (which errno where).
import { PROGRAM_INTERRUPTIONS } from '../../native-like/arch/program-interruptions.ts';
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import { ApemuError } from '../errors.ts';
import { responseCodeOf, responseText } from '../host/api/explain.ts';
import { pgmText } from '../host/api/results.ts';
import type { AddCommand } from './add-command.ts';
import { EXIT_OK } from './io.ts';

/** What an errno says of the files it comes from. */
const CAUSES: readonly { readonly errno: Errno; readonly files: RegExp; readonly why: string }[] = [
  {
    errno: 'EADDRINUSE',
    files: /assign_(adapter|domain)/,
    why: 'another mdev has a queue that would be assigned',
  },
  {
    errno: 'EADDRNOTAVAIL',
    files: /assign_(adapter|domain)/,
    why: "a queue that would be assigned is the host's by apmask and aqmask",
  },
  {
    errno: 'EBUSY',
    files: /a[pq]mask/,
    why: 'a queue that would become the host’s is assigned to an mdev',
  },
  { errno: 'EBUSY', files: /remove|bind/, why: 'it is in use' },
  { errno: 'EINVAL', files: /assign_|a[pq]mask/, why: 'the text is no number or mask' },
  {
    errno: 'ENODEV',
    files: /assign_|unassign_/,
    why: 'the number is above the largest, or the mdev is gone',
  },
  {
    errno: 'EAGAIN',
    files: /assign_/,
    why: 'the masks or the bus are being changed at this moment',
  },
  { errno: 'EEXIST', files: /create/, why: 'there is an mdev with this UUID' },
  { errno: 'ENOSPC', files: /create/, why: 'no instance is left' },
];

const CODE = /^(?:0x)?([0-9a-f]{1,2})$/i;

const usage = (words: readonly string[]): ApemuError =>
  new ApemuError(
    'APEMU_ERR_USAGE_EXPLAIN',
    `${words.join(' ')} says nothing (expected a response code such as 0x05, rc 33 or Q_FULL, pgm 6, or EADDRINUSE [at PATH])`,
  );

/** A number in hexadecimal, or undefined. */
const codeOf = (word: string): number | undefined => {
  const digits = CODE.exec(word)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
};

const explainResponse = (word: string): string | undefined => {
  const code = codeOf(word) ?? responseCodeOf(word);
  const known = RESPONSE_CODES.some((row) => row.code === code);
  return code === undefined || !known ? undefined : responseText(code);
};

const explainInterruption = (word: string): string | undefined => {
  const code = codeOf(word);
  const row = PROGRAM_INTERRUPTIONS.find(
    (one) => one.code === code || one.name.toLowerCase() === word.toLowerCase(),
  );
  return row === undefined ? undefined : `${pgmText(row.code)}: ${row.ending}`;
};

const explainErrno = (word: string, path?: string): string | undefined => {
  const errno = word.toUpperCase() as Errno;
  const text = ERRNO_TEXT[errno];
  if (text === undefined) return undefined;
  const causes = CAUSES.filter(
    (cause) => cause.errno === errno && (path === undefined || cause.files.test(path)),
  );
  return [`${errno}: ${text}`, ...causes.map(({ why }) => `  ${why}`)].join('\n');
};

const explanation = (words: readonly string[]): string | undefined => {
  const [first = '', second = '', third, ...more] = words;
  if (/^pgm$/i.test(first)) return explainInterruption(words.slice(1).join(' '));
  if (more.length > 0) return undefined;
  if (/^at$/i.test(second)) return third === undefined ? undefined : explainErrno(first, third);
  if (third !== undefined) return undefined;
  if (/^rc$/i.test(first)) return explainResponse(second);
  return second === '' ? (explainResponse(first) ?? explainErrno(first)) : undefined;
};

/** The explanation of what was asked for. @throws ApemuError `APEMU_ERR_USAGE_EXPLAIN` */
export const explainWords = (words: readonly string[]): string => {
  const text = explanation(words);
  if (text === undefined) throw usage(words);
  return text;
};

export const addExplain: AddCommand = (program, io, done) => {
  program
    .command('explain')
    .description('a response code, a program interruption or an errno in words')
    .argument('<what...>', '0x05 | rc 33 | Q_FULL | pgm 6 | EADDRINUSE [at PATH]; hexadecimal')
    .action((words: string[]) => {
      io.out(`${explainWords(words)}\n`);
      done(EXIT_OK);
    });
};
