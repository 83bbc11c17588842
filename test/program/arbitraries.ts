// SPDX-License-Identifier: Apache-2.0
// Generated statements of every kind, for the property that printing and parsing are inverse.

import fc from 'fast-check';
import type { InjectedReply } from '../../src/cex/injected-reply.ts';
import { REPLY_SHAPES } from '../../src/cex/shapes.ts';
import { MOVED_INTERRUPTIONS } from '../../src/cluster/interruptions.ts';
import { FAULT_INSTRUCTIONS, type FaultConfig } from '../../src/config/types.ts';
import type {
  Bytes,
  CpuName,
  Field,
  OutcomeExpectation,
  Program,
  Statement,
} from '../../src/program/ast.ts';
import { LPAR_VERBS, type LparOperand } from '../../src/program/lpar-verbs.ts';
import {
  EXPECTATION_ROWS,
  type FieldRow,
  IO_ROWS,
  MNEMONICS,
  PAIR_EXPECTATIONS,
  PSW_ROWS,
  REGISTER_ROWS,
} from '../../src/program/operands.ts';
import { eventBody } from './event-arbitraries.ts';

type Body = Statement extends infer S
  ? S extends Statement
    ? Omit<S, 'line' | 'comment'>
    : never
  : never;

const guest = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/)
  .filter((name) => name !== 'clear' && name !== 'any');
const cpu: fc.Arbitrary<CpuName> = fc.oneof(
  fc.constant({ guest: undefined, vcpu: 0 }),
  fc.constantFrom('A', 'B').map((machine) => ({ guest: undefined, vcpu: 0, machine })),
  fc.record({ guest, vcpu: fc.nat(247) }),
);
const apqn = fc.nat(0xffff);
const ns = fc.oneof(
  fc.nat(1e9),
  fc.nat(1e6).map((n) => n * 1000),
  fc.nat(100).map((n) => n * 1e9),
);

/** Some of the rows, in their order, each with a value in its range. */
const fields = (rows: readonly FieldRow[], least = 0): fc.Arbitrary<Field[]> =>
  fc
    .subarray([...rows], { minLength: least })
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((row) =>
          fc
            .bigInt(0n, row.name === 'cc' ? 3n : row.max)
            .map((value) => ({ name: row.name, value })),
        ),
      ),
    )
    .map((list) => list.map(modeOf));

/** An addressing mode is one of three. */
const modeOf = (field: Field): Field =>
  field.name === 'am' ? { ...field, value: [24n, 31n, 64n][Number(field.value % 3n)] } : field;

const instruction: fc.Arbitrary<Body> = fc.constantFrom(...MNEMONICS).chain((row) => {
  const pairs = row.shape === 'nqap' || row.shape === 'dqap';
  const expected = EXPECTATION_ROWS.filter((field) => pairs || !PAIR_EXPECTATIONS.has(field.name));
  const raw = row.shape === 'raw';
  const word = fc.nat(0xffffffff).map((value) => [{ name: 'word', value: BigInt(value) }]);
  const operands = fields([...(raw ? [] : row.operands), ...REGISTER_ROWS]);
  return fc.record({
    kind: fc.constant('instruction' as const),
    cpu,
    mnemonic: fc.constant(row.mnemonic),
    apqn: row.queue ? apqn : fc.constant(undefined),
    operands: raw ? fc.tuple(word, operands).map(([first, rest]) => [...first, ...rest]) : operands,
    expect: fields(expected),
  });
});

const bytes: fc.Arbitrary<Bytes> = fc.record({
  hex: fc
    .uint8Array({ minLength: 1, maxLength: 24 })
    .map((array) => Buffer.from(array).toString('hex')),
  times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5000 })),
});

const outcome: fc.Arbitrary<OutcomeExpectation | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom({ kind: 'ok' as const }, { kind: 'pending' as const }),
  fc
    .constantFrom('EINVAL', 'EADDRINUSE', 'E2BIG')
    .map((name) => ({ kind: 'errno' as const, name })),
  fc
    .string({
      unit: fc.constantFrom('a', '0', '.', '\n', '\t', '"', '\\', '#', '=', '>', ' ', 'ü'),
    })
    .map((text) => ({ kind: 'text' as const, text })),
);

const read: fc.Arbitrary<Body> = fc
  .tuple(
    cpu,
    fc.nat(2 ** 31 - 1),
    fc.option(bytes, { nil: undefined }),
    fc.integer({ min: 1, max: 9999 }),
  )
  .map(([name, address, expect, length]) => ({
    kind: 'read' as const,
    cpu: name,
    address,
    length: expect === undefined ? length : (expect.hex.length / 2) * expect.times,
    expect,
  }));

const LPAR_VALUES: Readonly<Record<LparOperand, fc.Arbitrary<number>>> = {
  apid: fc.nat(255),
  apqi: fc.nat(255),
  apqn,
  duration: ns,
  rc: fc.nat(255),
};

const lpar: fc.Arbitrary<Body> = fc.constantFrom(...LPAR_VERBS).chain((row) =>
  fc.record({
    kind: fc.constant('lpar' as const),
    verb: fc.constant(row.verb),
    values: fc.tuple(...(row.operands as readonly LparOperand[]).map((kind) => LPAR_VALUES[kind])),
    expect: outcome,
  }),
);

const target = fc.oneof(
  apqn.map((number) => ({ apqn: number, guest: undefined })),
  guest.map((name) => ({ apqn: undefined, guest: name })),
  fc.constant({ apqn: undefined, guest: undefined }),
);
const trigger: fc.Arbitrary<FaultConfig['trigger']> = fc.oneof(
  fc.integer({ min: 1, max: 0x7fffffff }).map((count) => ({ kind: 'count' as const, count })),
  fc
    .double({ min: 1e-9, max: 1, noNaN: true })
    .map((probability) => ({
      kind: 'probability' as const,
      probability: Number(probability.toFixed(9)),
    }))
    .filter(({ probability }) => probability > 0),
  fc
    .array(ns, { minLength: 1, maxLength: 3 })
    .map((atNs) => ({ kind: 'at' as const, atNs: [...atNs].sort((a, b) => a - b) })),
);
const maybe = <T>(name: string, value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc
    .option(value, { nil: undefined })
    .map((v) => (v === undefined ? {} : { [name]: v }) as Record<string, T>);
const word = fc.integer({ min: 0, max: 0xffffffff });
/** Injected replies as their text forms can say them. */
const reply: fc.Arbitrary<InjectedReply> = fc.oneof(
  fc.record({
    kind: fc.constant('code' as const),
    in: fc.constantFrom('82' as const, '87' as const, '88' as const),
    code: fc.nat(255),
  }),
  fc
    .tuple(fc.nat(255), maybe('apfs', word))
    .map(([code, apfs]) => ({ kind: 'code' as const, in: '86' as const, code, ...apfs })),
  fc.record({ kind: fc.constant('cca' as const), rc: fc.nat(0xffff), rs: fc.nat(0xffff) }),
  fc
    .tuple(word, maybe('returnCode', word))
    .map(([rv, returnCode]) => ({ kind: 'ep11' as const, rv, ...returnCode })),
  fc
    .tuple(
      fc.constantFrom(...REPLY_SHAPES.map(({ name }) => name)),
      maybe('value', fc.integer({ min: 0, max: 999_999_999 })),
    )
    .map(([shape, value]) => ({ kind: 'shape' as const, shape, ...value })),
);
const effects: fc.Arbitrary<Pick<FaultConfig, 'on' | 'effect'>> = fc.oneof(
  fc.record({
    on: fc.constantFrom(...FAULT_INSTRUCTIONS),
    effect: fc.nat(255).map((rc) => ({ kind: 'rc' as const, rc })),
  }),
  fc.record({
    on: fc.constantFrom('nqap' as const, 'dqap' as const),
    effect: fc.oneof(
      fc.record({
        kind: fc.constant('cc' as const),
        cc: fc.constantFrom(1 as const, 2 as const),
        everyBytes: fc.constant(undefined),
      }),
      fc.record({
        kind: fc.constant('cc' as const),
        cc: fc.constant(2 as const),
        everyBytes: fc.integer({ min: 1, max: 2 ** 20 }),
      }),
    ),
  }),
  fc.record({
    on: fc.constant('nqap' as const),
    effect: fc.oneof(
      fc.constant({ kind: 'drop' as const }),
      ns.map((delayNs) => ({ kind: 'delay' as const, delayNs })),
      fc.integer({ min: 1, max: 255 }).map((places) => ({ kind: 'reorder' as const, places })),
      fc
        .tuple(reply, fc.constantFrom(undefined, 'PK', '38', 'CRB3', 'loopback'))
        .map(([inject, name]) => ({
          kind: 'reply' as const,
          reply: name === undefined ? inject : { ...inject, function: name },
        })),
    ),
  }),
);
const fault: fc.Arbitrary<Body> = fc.oneof(
  fc.constant({ kind: 'fault' as const, fault: 'clear' as const }),
  fc.tuple(target, effects, trigger).map(([where, what, when]) => ({
    kind: 'fault' as const,
    fault: { ...where, ...what, trigger: when },
  })),
);

const machineName = fc.constantFrom('A', 'B', 'machine-2');

/** Lines about the host are about the only machine, or about one of several. */
const ofAMachine = <T extends object>(line: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc
    .tuple(line, maybe('machine', machineName))
    .map(([statement, machine]) => ({ ...statement, ...machine }));

const migrate: fc.Arbitrary<Body & { kind: 'migrate' }> = fc.oneof(
  fc.record({
    kind: fc.constant('migrate' as const),
    guest,
    to: machineName,
    options: fc
      .tuple(
        maybe('chunk', fc.integer({ min: 1, max: 5000 })),
        maybe('downtimeNs', ns),
        maybe('interruptions', fc.constantFrom(...MOVED_INTERRUPTIONS)),
        maybe('wire', fc.record({ offset: fc.nat(500), hex: fc.constantFrom('00', 'ff0123') })),
      )
      .map((options) => Object.assign({}, ...options)),
    expect: outcome,
  }),
  fc.record({
    kind: fc.constant('migrate' as const),
    guest,
    to: fc.constant(undefined),
    options: fc.constant({}),
    expect: outcome,
  }),
);

const clock: fc.Arbitrary<Body & { kind: 'clock' }> = fc.record({
  kind: fc.constant('clock' as const),
  advance: fc.oneof(fc.constant('run' as const), ns),
  expectNowNs: fc.option(ns, { nil: undefined }),
});

const sysfs: fc.Arbitrary<Body & { kind: 'sysfs' }> = fc.record({
  kind: fc.constant('sysfs' as const),
  command: fc.constantFrom(
    'cat /sys/bus/ap/scans',
    'echo 5 > /sys/devices/vfio_ap/matrix/$Guest1/assign_adapter',
    'echo "a # b => c" > /x',
    'wait',
  ),
  expect: outcome,
});

/** Lines that begin a thread; one that goes on needs such a line before it. */
const step: fc.Arbitrary<Body> = fc.oneof(
  fc.constant({ kind: 'step' as const, thread: 'all', count: 1, begins: undefined }),
  fc.record({
    kind: fc.constant('step' as const),
    thread: guest.filter((name) => name !== 'all'),
    count: fc.constant(1),
    begins: fc.oneof(clock, migrate, ofAMachine(sysfs), ofAMachine(lpar as typeof sysfs)),
  }) as fc.Arbitrary<Body>,
);

const event: fc.Arbitrary<Body> = eventBody({
  ns,
  reply,
  lparValues: (row) =>
    fc.tuple(...(row.operands as readonly LparOperand[]).map((kind) => LPAR_VALUES[kind])),
});

const body: fc.Arbitrary<Body> = fc.oneof(
  { weight: 6, arbitrary: instruction },
  fc
    .record({
      kind: fc.constant('psw' as const),
      cpu,
      fields: fields(PSW_ROWS, 1),
      expect: fields(PSW_ROWS),
    })
    .map((psw) => psw),
  fc.record({ kind: fc.constant('write' as const), cpu, address: fc.nat(2 ** 31 - 1), bytes }),
  read,
  fc.record({
    kind: fc.constant('io' as const),
    cpu,
    expect: fc.oneof(fc.constant('none' as const), fields(IO_ROWS)),
  }),
  clock,
  ofAMachine(sysfs),
  step,
  event,
  ofAMachine(lpar),
  ofAMachine(fault),
  migrate,
  fc.constant({ kind: 'comment' as const }),
);

const comment = fc.option(
  fc.string({ unit: fc.constantFrom('a', ' ', '#', '"', '=', '>', 'ü'), maxLength: 12 }),
  { nil: undefined },
);

/** Programs whose lines are numbered as a printer would number them. */
export const program: fc.Arbitrary<Program> = fc
  .tuple(
    fc.option(fc.constantFrom('two-guests.yaml', 'a b.yaml', '#x.yaml', '../q"uote.yaml'), {
      nil: undefined,
    }),
    fc.array(fc.tuple(body, comment), { maxLength: 12 }),
  )
  .map(([config, bodies]) => ({
    file: 'generated.ap',
    config,
    statements: bodies.map(([statement, text], index) => {
      const line = index + (config === undefined ? 2 : 3);
      const numbered = { line, comment: text, ...statement } as Statement;
      if (numbered.kind !== 'step' || numbered.begins === undefined) return numbered;
      return { ...numbered, begins: { ...numbered.begins, line, comment: undefined } };
    }),
  }));
