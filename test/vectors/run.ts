// SPDX-License-Identifier: Apache-2.0
// Runs a vector on a machine and says what is not as it must be.

import { apply, type Operation } from './operations.ts';
import type { MachineUnderTest, Outcome, UnderTestFactory } from './under-test.ts';
import type { Expectation, Vector } from './vector.ts';

type InstructionOperation = Extract<Operation, { op: 'instruction' }>;

interface Before {
  readonly gr: readonly bigint[];
  readonly cc: number;
  readonly storages: readonly Uint8Array[];
}

/** Mismatches as sentences, empty if all is as expected. */
export function runVector(factory: UnderTestFactory, vector: Vector): string[] {
  const machine = factory.create(vector.preset);
  const guests = vector.preset.guests.length;
  const wrong: string[] = [];
  for (const [at, step] of vector.steps.entries()) {
    const [operation, expected] = 'op' in step ? [step, undefined] : step;
    if (expected === undefined) {
      apply(machine, operation);
      continue;
    }
    const before = look(machine, operation, guests);
    const outcome = apply(machine, operation);
    const found = [
      ...state(machine, expected),
      ...(operation.op === 'instruction'
        ? [
            ...ended(machine, operation, outcome!, expected, before),
            ...registers(machine, operation, expected, before),
          ]
        : []),
      ...storage(machine, expected, before),
    ];
    wrong.push(...found.map((what) => `step ${at}: ${what}`));
  }
  return wrong;
}

/** Registers after loading, and all storages, as copies. */
function look(machine: MachineUnderTest, operation: Operation, guests: number): Before {
  const storages = Array.from({ length: guests }, (_, g) => machine.storage(g).slice());
  if (operation.op !== 'instruction') return { gr: [], cc: 0, storages };
  const { guest, vcpu } = operation;
  const gr = Array.from({ length: 16 }, (_, n) => machine.register(guest, vcpu, n));
  for (const [n, value] of operation.gr) gr[n] = value;
  return { gr, cc: machine.psw(guest, vcpu).cc, storages };
}

function differ(what: string, expected: unknown, found: unknown): string[] {
  return expected === found ? [] : [`${what}: expected ${expected}, found ${found}`];
}

function ended(
  machine: MachineUnderTest,
  operation: InstructionOperation,
  outcome: Outcome,
  expected: Expectation,
  before: Before,
): string[] {
  const { cc, pgm, ipb } = expected;
  const psw = machine.psw(operation.guest, operation.vcpu);
  const oldPsw = differ('PSW address', expected.oldPswAddress ?? 0x1004n, psw.address);
  if (cc === undefined) oldPsw.push(...differ('CC kept', before.cc, psw.cc));
  if (pgm !== undefined) {
    if (outcome.kind !== 'program')
      return [`expected program interruption ${pgm}, found ${show(outcome)}`];
    const ilc = differ('ILC', expected.ilc ?? 2, outcome.ilc);
    return [
      ...differ('code', pgm, outcome.code),
      ...ilc,
      ...differ('nullified', false, outcome.nullified),
      ...oldPsw,
    ];
  }
  if (ipb !== undefined) {
    if (outcome.kind !== 'intercept') return [`expected an intercept, found ${show(outcome)}`];
    const codes = differ('icptcode', 4, outcome.icptcode);
    const ipa = differ('ipa', operation.word >>> 16, outcome.ipa);
    return [...codes, ...ipa, ...differ('ipb', ipb, outcome.ipb), ...oldPsw];
  }
  if (cc === undefined) return [];
  if (outcome.kind !== 'completed') return [`expected CC ${cc}, found ${show(outcome)}`];
  return [...differ('CC', cc, outcome.cc), ...differ('CC in the PSW', cc, psw.cc), ...oldPsw];
}

function show(outcome: Outcome): string {
  return JSON.stringify(outcome);
}

function registers(
  machine: MachineUnderTest,
  operation: InstructionOperation,
  expected: Expectation,
  before: Before,
): string[] {
  const wrong: string[] = [];
  for (let n = 0; n < 16; n++) {
    const found = machine.register(operation.guest, operation.vcpu, n);
    const named = expected.gr?.[n];
    if (n === 1 && expected.rc !== undefined) {
      wrong.push(...differ('RC', expected.rc, Number((found >> 16n) & 0xffn)));
      if (named === undefined) continue;
    }
    wrong.push(...differ(`GR${n}`, (named ?? before.gr[n]).toString(16), found.toString(16)));
  }
  return wrong;
}

function storage(machine: MachineUnderTest, expected: Expectation, before: Before): string[] {
  const wrong: string[] = [];
  for (const [guest, old] of before.storages.entries()) {
    const wanted = old.slice();
    for (const { guest: g, at, hex } of expected.storage ?? []) {
      if (g === guest) wanted.set(Buffer.from(hex, 'hex'), at);
    }
    const found = machine.storage(guest);
    if (Buffer.compare(wanted, found) === 0) continue;
    const at = wanted.findIndex((byte, k) => byte !== found[k]);
    wrong.push(
      `storage of guest ${guest} differs at 0x${at.toString(16)}: expected ${wanted[at]}, found ${found[at]}`,
    );
  }
  return wrong;
}

function state(machine: MachineUnderTest, expected: Expectation): string[] {
  const wrong: string[] = [];
  for (const [apqn, status] of Object.entries(expected.status ?? {})) {
    const found = machine.queueStatus(Number(apqn));
    wrong.push(
      ...differ(`status of ${Number(apqn).toString(16)}`, status.toString(16), found.toString(16)),
    );
  }
  const pending = machine.pendingIscs();
  if (expected.pendingIscs !== undefined && pending !== undefined) {
    wrong.push(...differ('pending ISCs', expected.pendingIscs.join(), pending.join()));
  }
  return wrong;
}
