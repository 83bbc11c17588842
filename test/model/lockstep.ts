// SPDX-License-Identifier: Apache-2.0
// Two machines driven by the same operations and compared after each; a difference comes with what reproduces it.

import { apply, type Operation } from '../vectors/operations.ts';
import type {
  MachinePreset,
  MachineUnderTest,
  Outcome,
  UnderTestFactory,
} from '../vectors/under-test.ts';
import { Generator } from './generate.ts';
import { programText } from './program-text.ts';

export interface Difference {
  readonly seed: number;
  /** Number of the operation after which the machines differed, from 0. */
  readonly at: number;
  /** What differed, expected and found. */
  readonly what: string;
  /** Seed and AP program, for the error message of a test. */
  readonly report: string;
  readonly preset: MachinePreset;
  /** The shortest sequence found that still differs. */
  readonly operations: readonly Operation[];
}

export interface LockstepOptions {
  readonly seed: number;
  readonly operations: number;
  readonly reference: UnderTestFactory;
  readonly subject: UnderTestFactory;
  /** Leave the sequence as it is instead of shortening it. */
  readonly keepLong?: boolean;
}

/** All statuses and storages are compared every so many operations, those that matter after each. */
const FULL_EVERY = 64;
/** Shortening stops after so many attempts. */
const MAX_ATTEMPTS = 400;

/** Runs both machines; undefined: they agreed. */
export function lockstep(options: LockstepOptions): Difference | undefined {
  const { seed, reference, subject } = options;
  const generator = new Generator(seed);
  const { preset } = generator;
  const pair = new Pair(preset, reference, subject);
  const done: Operation[] = [];
  for (let at = 0; at < options.operations; at++) {
    const operation = generator.next();
    done.push(operation);
    const last = at === options.operations - 1;
    const { what, outcome } = pair.step(operation, last || at % FULL_EVERY === FULL_EVERY - 1);
    if (what !== undefined) {
      const short = options.keepLong === true ? done : shorten(preset, done, reference, subject);
      return difference(seed, at, what, preset, short);
    }
    generator.ended(operation, outcome);
  }
  return undefined;
}

function difference(
  seed: number,
  at: number,
  what: string,
  preset: MachinePreset,
  operations: readonly Operation[],
): Difference {
  const report = `seed ${seed}, operation ${at}: ${what}\n${programText(preset, operations)}`;
  return { seed, at, what, preset, operations, report };
}

/** Replays operations on fresh machines; what differs first, or undefined. */
export function replay(
  preset: MachinePreset,
  operations: readonly Operation[],
  reference: UnderTestFactory,
  subject: UnderTestFactory,
): string | undefined {
  const pair = new Pair(preset, reference, subject);
  for (const [at, operation] of operations.entries()) {
    const { what } = pair.step(operation, at === operations.length - 1);
    if (what !== undefined) return what;
  }
  return undefined;
}

/** Leaves out halves, quarters, ... of the operations as long as the machines still differ. */
function shorten(
  preset: MachinePreset,
  operations: readonly Operation[],
  reference: UnderTestFactory,
  subject: UnderTestFactory,
): readonly Operation[] {
  let best = operations;
  let attempts = 0;
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < best.length && attempts < MAX_ATTEMPTS; ) {
      attempts += 1;
      const tried = [...best.slice(0, from), ...best.slice(from + size)];
      if (replay(preset, tried, reference, subject) === undefined) from += size;
      else best = tried;
    }
  }
  return best;
}

class Pair {
  private readonly preset: MachinePreset;
  private readonly reference: MachineUnderTest;
  private readonly subject: MachineUnderTest;
  private readonly apqns: number[];

  constructor(preset: MachinePreset, reference: UnderTestFactory, subject: UnderTestFactory) {
    this.preset = preset;
    this.reference = reference.create(preset);
    this.subject = subject.create(preset);
    const { adapters, usageDomains } = preset.machine;
    this.apqns = adapters.flatMap(({ apid }) => usageDomains.map((apqi) => apid * 256 + apqi));
  }

  step(
    operation: Operation,
    full: boolean,
  ): { what: string | undefined; outcome: Outcome | undefined } {
    const outcome = apply(this.reference, operation);
    const found = apply(this.subject, operation);
    const what =
      differ('outcome', show(outcome), show(found)) ??
      this.cpu(operation) ??
      this.queues(operation, full) ??
      this.storages(operation, full) ??
      this.interruptions();
    return { what, outcome };
  }

  private cpu(operation: Operation): string | undefined {
    if (operation.op !== 'instruction') return undefined;
    const { guest, vcpu } = operation;
    for (let n = 0; n < 16; n++) {
      const expected = this.reference.register(guest, vcpu, n);
      const found = this.subject.register(guest, vcpu, n);
      if (expected !== found) return differ(`GR${n}`, expected.toString(16), found.toString(16));
    }
    const psws = [this.reference, this.subject].map((m) => show(m.psw(guest, vcpu)));
    return differ('PSW', psws[0], psws[1]);
  }

  private queues(operation: Operation, full: boolean): string | undefined {
    let apqns = this.apqns;
    if (!full && operation.op === 'instruction') {
      const { guest, vcpu } = operation;
      apqns = [Number(this.reference.register(guest, vcpu, 0) & 0xffffn)];
    }
    for (const apqn of apqns) {
      const expected = this.reference.queueStatus(apqn);
      const found = this.subject.queueStatus(apqn);
      const name = `status of ${apqn.toString(16)}`;
      if (expected !== found) return differ(name, expected.toString(16), found.toString(16));
    }
    return undefined;
  }

  private storages(operation: Operation, full: boolean): string | undefined {
    const guests = new Set([0]);
    if (full) for (const guest of this.preset.guests.keys()) guests.add(guest);
    else if ('guest' in operation) guests.add(operation.guest);
    for (const guest of guests) {
      const expected = this.reference.storage(guest);
      const found = this.subject.storage(guest);
      if (Buffer.compare(expected, found) === 0) continue;
      const at = expected.findIndex((byte, k) => byte !== found[k]);
      const name = `storage of ${this.preset.guests[guest].name} at 0x${at.toString(16)}`;
      return differ(name, hex(expected, at), hex(found, at));
    }
    return undefined;
  }

  private interruptions(): string | undefined {
    const found = this.subject.pendingIscs();
    const expected = this.reference.pendingIscs();
    if (found === undefined || expected === undefined) return undefined;
    return differ('pending ISCs', expected.join(), found.join());
  }
}

function differ(what: string, expected: string, found: string): string | undefined {
  return expected === found ? undefined : `${what}: expected ${expected}, found ${found}`;
}

function hex(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 16)).toString('hex');
}

/** Fields in a fixed order, so that two implementations may build objects differently. */
function show(value: object | undefined): string {
  if (value === undefined) return 'none';
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return fields.map(([name, field]) => `${name}=${field}`).join(' ');
}
