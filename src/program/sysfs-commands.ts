// SPDX-License-Identifier: Apache-2.0
// Commands of `sysfs:` lines: each is one host operation with an outcome; one that cannot end yet is kept for `wait`.
// Source: docs/design.md sections 4 and 6; docs/reference/vfio-ap.md section 3.1.

import { drive } from '../ap-bus/driving.ts';
import { isOperation, type Operation } from '../ap-bus/operation.ts';
import { ApemuError } from '../errors.ts';
import type { Machine } from '../host/machine/machine.ts';
import { actOnUserSpace, USER_SPACE_ACTS } from '../host/machine/user-space.ts';
import { FILE_COMMANDS } from '../sysfs/file-commands.ts';
import type { FileCommand } from '../sysfs/file-tree.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { tokenize } from './lexer.ts';
import type { OperationOutcome } from './program-machine.ts';

const ok = (text = ''): OperationOutcome => ({ kind: 'ok', text });
const outcomeOf = (name: string): OperationOutcome =>
  name === 'ok' ? ok() : { kind: 'errno', name };

type Start = (machine: Machine, words: readonly string[]) => Operation<OperationOutcome>;

/** Commands that only these lines have. The commands on files are those of the administrator's shell. */
const COMMANDS: Readonly<Record<string, Start>> = {
  echo: (machine, words) => echo(machine.sysfs, words),
  attach: function* (machine, [guest, to, ...more]) {
    if (guest === undefined || more.length > 0)
      throw unknown('attach', 'attach needs one guest, or two');
    return outcomeOf(yield* machine.attachOperation(guest, to));
  },
  detach: function* (machine, words) {
    yield* machine.detachOperation(one(words, 'detach needs one guest'));
    return ok();
  },
  // biome-ignore lint/correctness/useYield: it never sleeps
  user: function* (machine, [guest, word, ...more]) {
    if (guest === undefined || word === undefined || more.length > 0)
      throw unknown('user', 'user needs a guest and what its user space does');
    if (word === 'log') return ok(machine.userLog.get(machine.guest(guest).name) ?? '');
    if (!actOnUserSpace(machine, guest, word))
      throw unknown(`user ${guest} ${word}`, `user knows ${USER_SPACE_ACTS}, log`);
    return ok();
  },
  reset: function* (machine, words) {
    const file = machine.files.get(machine.guest(one(words, 'reset needs one guest')).name);
    if (file === undefined) return outcomeOf('ENODEV');
    return outcomeOf((yield* file.ioctl({ name: 'VFIO_DEVICE_RESET' })).errno ?? 'ok');
  },
};

const USAGE = `echo [-n] TEXT > FILE, ${Object.keys(FILE_COMMANDS).join(', ')}, attach GUEST [MDEV'S GUEST], detach GUEST, reset GUEST, user GUEST WORD, wait`;

/** The administrator in a program: does one operation in each line, and keeps at most one for `wait`. */
export class SysfsCommands {
  readonly #machine: Machine;
  #kept: Operation<OperationOutcome> | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /**
   * Runs one command to its end; virtual time passes while it sleeps.
   * @throws ApemuError `APEMU_ERR_PROGRAM_COMMAND` for something that is no command
   */
  run(command: string): OperationOutcome {
    const [name, ...words] = tokenize(command, 1).map((token) => token.text);
    if (name === 'wait' && words.length === 0) return this.#wait(command);
    return this.#drive(this.operation(command));
  }

  /**
   * As `run`, for a caller that drives operations itself, but without `wait`.
   *
   * @throws ApemuError `APEMU_ERR_PROGRAM_COMMAND` for something that is not a command
   */
  operation(command: string): Operation<OperationOutcome> {
    const [name, ...words] = tokenize(command, 1).map((token) => token.text);
    if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name](this.#machine, words);
    if (!Object.hasOwn(FILE_COMMANDS, name) || words.length === 0) throw unknown(command);
    return onFiles(this.#machine.sysfs, FILE_COMMANDS[name], words);
  }

  #wait(command: string): OperationOutcome {
    const operation = this.#kept;
    if (operation === undefined) throw unknown(command, 'nothing is pending');
    this.#kept = undefined;
    return this.#drive(operation);
  }

  #drive(operation: Operation<OperationOutcome>): OperationOutcome {
    const driven = drive(operation, (ns) => this.#machine.advance(ns));
    if (driven.ended) return driven.value;
    this.#kept = operation;
    return { kind: 'pending' };
  }
}

function unknown(command: string, why = 'no command'): ApemuError {
  return new ApemuError('APEMU_ERR_PROGRAM_COMMAND', `${why}: ${command} (expected ${USAGE})`);
}

function one(words: readonly string[], why: string): string {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0) throw unknown(words.join(' '), why);
  return word;
}

/** A command on files: its text, or the errno of the first that failed. */
function* onFiles(
  tree: Sysfs,
  command: FileCommand,
  args: readonly string[],
): Operation<OperationOutcome> {
  const answer = command({ tree, args, stdin: '' });
  const { stdout, stderr, status, errno } = isOperation(answer) ? yield* answer : answer;
  if (errno !== undefined) return { kind: 'errno', name: errno };
  if (status !== 0) throw unknown(args.join(' '), stderr.trimEnd());
  return ok(stdout);
}

/** `echo [-n] WORDS… > FILE`: the words with one blank between them, as one write(2). */
function* echo(sysfs: Sysfs, words: readonly string[]): Operation<OperationOutcome> {
  const arrow = words.findIndex((word) => word.startsWith('>'));
  const target = arrow < 0 ? [] : [words[arrow].slice(1), ...words.slice(arrow + 1)];
  const files = target.filter((word) => word !== '');
  if (files.length !== 1) throw unknown(`echo ${words.join(' ')}`, 'echo needs one file');
  const bare = words[0] === '-n';
  const text = words.slice(bare ? 1 : 0, arrow).join(' ');
  return outcomeOf(yield* sysfs.write(files[0], bare ? text : `${text}\n`));
}
