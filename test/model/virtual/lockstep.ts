// SPDX-License-Identifier: Apache-2.0
// The reference machine of virtual mdevs and a real one, driven by the same operations and compared after each.

import type { Outcome } from '../../vectors/under-test.ts';
import { VirtualGenerator, type VirtualOperation } from './generate.ts';
import type { HostOperation, Partition, VirtualModel, VirtualPreset } from './machine.ts';
import type { VirtualMachineUnderTest } from './under-test.ts';

export interface VirtualDifference {
  /** What differed, expected and found. */
  readonly what: string;
  readonly at: number;
  readonly operations: readonly VirtualOperation[];
}

/** Everything is compared every so many operations, what an instruction can change after each. */
const FULL_EVERY = 32;

export interface Stream {
  readonly seed: number;
  readonly operations: number;
  readonly model: (preset: VirtualPreset, partition: Partition) => VirtualModel;
  /** Machine for a preset; closed at the end. */
  readonly subject: (preset: VirtualPreset) => Promise<VirtualMachineUnderTest>;
}

/** Runs both. `instructions`: how many were executed; `difference` undefined: they agreed. */
export async function virtualLockstep({ seed, operations, model, subject }: Stream): Promise<{
  readonly instructions: number;
  readonly difference: VirtualDifference | undefined;
}> {
  const generator = new VirtualGenerator(seed);
  const found = await subject(generator.preset);
  const pair = new Pair(model(generator.preset, found.partition), found);
  const done: VirtualOperation[] = [];
  let instructions = 0;
  try {
    for (let at = 0; at < operations; at++) {
      const operation = generator.next();
      done.push(operation);
      const { what, outcome } = pair.step(operation);
      const full = at % FULL_EVERY === FULL_EVERY - 1 || at === operations - 1;
      const difference = what ?? (full ? pair.everything() : undefined);
      if (difference !== undefined)
        return { instructions, difference: { what: difference, at, operations: done } };
      if (operation.op === 'instruction') instructions++;
      generator.ended(outcome);
    }
    return { instructions, difference: undefined };
  } finally {
    found.close();
  }
}

/** A report that says how to see it again. */
export function reportOf(seed: number, { what, at, operations }: VirtualDifference): string {
  const last = operations.slice(-12).map((operation) => `  ${textOf(operation)}`);
  return [`seed ${seed}, operation ${at}: ${what}`, ...last].join('\n');
}

const textOf = (operation: VirtualOperation): string =>
  JSON.stringify(operation, (_key, value) =>
    typeof value === 'bigint'
      ? `0x${value.toString(16)}`
      : value instanceof Uint8Array
        ? `${value.length} bytes`
        : value,
  );

const differ = (what: string, expected: string, found: string): string | undefined =>
  expected === found ? undefined : `${what}: expected ${expected}, found ${found}`;

const show = (value: object): string =>
  Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${name}=${field}`)
    .join(' ');

class Pair {
  private readonly model: VirtualModel;
  private readonly found: VirtualMachineUnderTest;

  constructor(model: VirtualModel, found: VirtualMachineUnderTest) {
    this.model = model;
    this.found = found;
  }

  step(operation: VirtualOperation): {
    what: string | undefined;
    outcome: Outcome | undefined;
  } {
    switch (operation.op) {
      case 'instruction':
        return this.instruction(operation);
      case 'write':
        this.model.views[operation.guest].storage(1).set(operation.bytes, operation.address);
        this.found.write(operation.guest, operation.address, operation.bytes);
        return { what: undefined, outcome: undefined };
      case 'advance':
        this.model.advance(operation.ns);
        this.found.advance(operation.ns);
        return { what: undefined, outcome: undefined };
      default:
        return { what: this.host(operation), outcome: undefined };
    }
  }

  private instruction(operation: Extract<VirtualOperation, { op: 'instruction' }>) {
    const { guest, word, problem, addressingMode } = operation;
    const vcpu = this.model.views[guest].vcpu(1, 0);
    const psw = { ...vcpu.psw, problem, addressingMode, address: 0x1000n };
    for (const [n, value] of operation.gr) {
      vcpu.gr[n] = BigInt.asUintN(64, value);
      this.found.setRegister(guest, n, value);
    }
    vcpu.psw = psw;
    this.found.setPsw(guest, psw);
    const outcome = this.model.execute(guest, word);
    const other = this.found.execute(guest, word);
    const what =
      differ('outcome', show(outcome), show(other)) ?? this.registers(guest) ?? this.storage(guest);
    return { what, outcome };
  }

  private registers(guest: number): string | undefined {
    const { gr, psw } = this.model.views[guest].vcpu(1, 0);
    for (let n = 0; n < 16; n++) {
      const other = this.found.register(guest, n);
      if (gr[n] !== other) return differ(`GR${n}`, gr[n].toString(16), other.toString(16));
    }
    return differ('PSW', show(psw), show(this.found.psw(guest)));
  }

  private storage(guest: number): string | undefined {
    const expected = this.model.views[guest].storage(1);
    const found = this.found.storage(guest);
    if (Buffer.compare(expected, found) === 0) return undefined;
    const at = expected.findIndex((byte, k) => byte !== found[k]);
    const hex = (bytes: Uint8Array): string =>
      Buffer.from(bytes.subarray(at, at + 16)).toString('hex');
    return differ(`storage of guest ${guest} at 0x${at.toString(16)}`, hex(expected), hex(found));
  }

  private host(operation: HostOperation): string | undefined {
    const { outcome, tookNs } = this.found.host(operation);
    const expected = this.model.host(operation, tookNs);
    return differ(`outcome of ${operation.op}`, expected, outcome) ?? this.everything();
  }

  everything(): string | undefined {
    for (const [guest, view] of this.model.views.entries()) {
      const iscs = [...view.pendingHostIscs].sort((a, b) => a - b).join();
      const what =
        this.storage(guest) ??
        differ(`pending ISCs of guest ${guest}`, iscs, this.found.pendingIscs(guest).join()) ??
        differ(`map of guest ${guest}`, this.model.mapText(guest), this.found.mapText(guest));
      if (what !== undefined) return what;
    }
    return differ('messages on real queues', this.model.load(), this.found.load());
  }
}
