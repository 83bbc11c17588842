// SPDX-License-Identifier: Apache-2.0
// `apemu explain WHAT`: a response code, a program interruption or an errno in words.
// Source: docs/reference/ap-architecture.md sections 2.1 and 3.1; docs/reference/vfio-ap.md sections 2 and 3 (which errno where).
import { PROGRAM_INTERRUPTIONS } from '../../native-like/arch/program-interruptions.ts';
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import { ApemuError } from '../errors.ts';
import { responseText } from '../host/api/explain.ts';
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

const RC = /^(?:0x)?([0-9a-f]{1,2})$/i;

const usage = (text: string): ApemuError =>
  new ApemuError(
    'APEMU_ERR_USAGE_EXPLAIN',
    `${text} says nothing (expected a response code such as 0x05 or rc 33, pgm 6, or EADDRINUSE [at PATH])`,
  );

const explainErrno = (name: string, path: string | undefined): string => {
  const errno = name.toUpperCase() as Errno;
  const text = ERRNO_TEXT[errno];
  if (text === undefined) throw usage(name);
  const causes = CAUSES.filter(
    (cause) => cause.errno === errno && (path === undefined || cause.files.test(path)),
  );
  return [`${errno}: ${text}`, ...causes.map(({ why }) => `  ${why}`)].join('\n');
};

/** The explanation of what was asked for. @throws ApemuError `APEMU_ERR_USAGE_EXPLAIN` */
export const explainWords = (words: readonly string[]): string => {
  const [first = '', second = '', ...rest] = words;
  const code = /^(rc|pgm)$/i.test(first) ? second : first;
  const number = RC.exec(code)?.[1];
  if (first.toLowerCase() === 'pgm') {
    const value = number === undefined ? Number.NaN : Number.parseInt(number, 16);
    const row = PROGRAM_INTERRUPTIONS.find((candidate) => candidate.code === value);
    if (row === undefined) throw usage(words.join(' '));
    return `${pgmText(value)}: ${row.ending}`;
  }
  if (number !== undefined) return responseText(Number.parseInt(number, 16));
  if (/^e[a-z]+$/i.test(first))
    return explainErrno(first, second.toLowerCase() === 'at' ? rest[0] : undefined);
  throw usage(words.join(' '));
};

export const addExplain: AddCommand = (program, io, done) => {
  program
    .command('explain')
    .description('a response code, a program interruption or an errno in words')
    .argument('<what...>', '0x05 | rc 33 | pgm 6 | EADDRINUSE [at PATH]; numbers are hexadecimal')
    .action((words: string[]) => {
      io.out(`${explainWords(words)}\n`);
      done(EXIT_OK);
    });
};
