// SPDX-License-Identifier: Apache-2.0
// Commands of `sysfs:` lines: each is one host operation with an outcome; one that cannot end yet is kept for `wait`.
// Source: docs/design.md sections 4 and 6; docs/reference/vfio-ap.md section 3.1.

import type { Operation } from '../ap-bus/operation.ts';
import { ApemuError } from '../errors.ts';
import type { Machine } from '../host/machine.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { tokenize } from './lexer.ts';
import type { OperationOutcome } from './machine.ts';

const ok = (text = ''): OperationOutcome => ({ kind: 'ok', text });
const outcomeOf = (name: string): OperationOutcome =>
  name === 'ok' ? ok() : { kind: 'errno', name };

type Start = (machine: Machine, words: readonly string[]) => Operation<OperationOutcome>;

/** Each command as an operation; one row a command. */
const COMMANDS: Readonly<Record<string, Start>> = {
  cat: (machine, [path]) => cat(machine.sysfs, path),
  ls: (machine, [path]) => list(machine.sysfs, path),
  readlink: (machine, [path]) => readlink(machine.sysfs, path),
  echo: (machine, words) => echo(machine.sysfs, words),
  attach: (machine, [guest]) => atOnce(() => outcomeOf(machine.attach(guest))),
  detach: (machine, [guest]) =>
    atOnce(() => {
      machine.detach(guest);
      return ok();
    }),
};

/** How many words each command takes. */
const WORDS: Readonly<Record<string, number>> = {
  cat: 1,
  ls: 1,
  readlink: 1,
  attach: 1,
  detach: 1,
};

const USAGE =
  'cat FILE, echo [-n] TEXT > FILE, ls FOLDER, readlink LINK, attach GUEST, detach GUEST, wait';

/** The administrator's hand in a program: one operation a line, at most one kept for `wait`. */
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
    const start = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    const count = WORDS[name];
    if (start === undefined || (count !== undefined && words.length !== count))
      throw unknown(command);
    return this.#drive(start(this.#machine, words), false);
  }

  #wait(command: string): OperationOutcome {
    const operation = this.#kept;
    if (operation === undefined) throw unknown(command, 'nothing is pending');
    this.#kept = undefined;
    return this.#drive(operation, true);
  }

  /** `again`: the operation stands at a wait for somebody else; it is asked once more whether that has come. */
  #drive(operation: Operation<OperationOutcome>, again: boolean): OperationOutcome {
    let asked = again;
    let step = operation.next();
    while (step.done !== true) {
      const { waitNs, pending } = step.value;
      if (pending === true && !asked) {
        this.#kept = operation;
        return { kind: 'pending' };
      }
      asked = pending === true ? false : asked;
      this.#machine.advance(waitNs);
      step = operation.next();
    }
    return step.value;
  }
}

function unknown(command: string, why = 'no command'): ApemuError {
  return new ApemuError('APEMU_ERR_PROGRAM_COMMAND', `${why}: ${command} (expected ${USAGE})`);
}

// biome-ignore lint/correctness/useYield: an operation that never sleeps.
function* atOnce(action: () => OperationOutcome): Operation<OperationOutcome> {
  return action();
}

function* cat(sysfs: Sysfs, path: string): Operation<OperationOutcome> {
  const read = yield* sysfs.readOperation(path);
  return read.ok ? ok(read.text) : { kind: 'errno', name: read.errno };
}

function list(sysfs: Sysfs, path: string): Operation<OperationOutcome> {
  return atOnce(() => {
    const listing = sysfs.list(path);
    if (!listing.ok) return { kind: 'errno', name: listing.errno };
    return ok(listing.names.map((name) => `${name}\n`).join(''));
  });
}

function readlink(sysfs: Sysfs, path: string): Operation<OperationOutcome> {
  return atOnce(() => {
    const link = sysfs.readlink(path);
    return link.ok ? ok(`${link.text}\n`) : { kind: 'errno', name: link.errno };
  });
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
