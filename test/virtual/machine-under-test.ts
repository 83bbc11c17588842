// SPDX-License-Identifier: Apache-2.0
// A whole machine with virtual mdevs for lockstep runs against the reference machine.
import { isNullifying, LC_PGM_ILC } from '../../native-like/arch/program-interruptions.ts';
import { PSW_BA, PSW_CC, PSW_CC_SHIFT, PSW_EA, PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { QCI_FLAG_B, QCI_FLAG_C, QCI_FLAG_R, QCI_FLAG_S } from '../../native-like/arch/qci.ts';
import { GISA_IPM } from '../../native-like/arch/sie.ts';
import * as L from '../../native-like/machine/layout.ts';
import { createMachine, type Machine } from '../../src/index.ts';
import type { HostOperation, Mapping, VirtualPreset } from '../model/virtual/machine.ts';
import { VIRTUAL_STORAGE_BYTES } from '../model/virtual/machine.ts';
import type { VirtualMachineUnderTest } from '../model/virtual/under-test.ts';
import type { Outcome, Psw } from '../vectors/under-test.ts';
import { MATRIX, read } from './machines.ts';

const LOWCORE_BYTES = 0x200;
const ns = (time: number): string => `${time}ns`;
const byNumber = (mappings: readonly Mapping[]) => Object.fromEntries(mappings);

const configOf = ({ cards, domains, hosts, passthrough, guests, timing }: VirtualPreset) => ({
  apemu: 1,
  machine: {
    usageDomains: [...domains],
    adapters: Object.fromEntries(
      cards.map(({ apid, mode, type, functions, depth, ml, serviceNs, engines }) => [
        apid,
        {
          mode,
          type,
          functions,
          depth,
          ml,
          service:
            serviceNs === 0
              ? { model: 'instant' }
              : { model: 'fixed', time: ns(serviceNs), engines },
        },
      ]),
    ),
    timing: { rapq: ns(timing.rapqNs), zapq: ns(timing.zapqNs), aqic: ns(timing.aqicNs) },
  },
  host: {
    kernel: 'mixed',
    apmask: cards
      .filter(({ apid }) => !hosts.includes(apid))
      .map(({ apid }) => `-${apid}`)
      .join(','),
  },
  guests: {
    ...Object.fromEntries(
      guests.map((guest) => [
        guest.name,
        {
          memory: VIRTUAL_STORAGE_BYTES,
          facilities: guest.facilities,
          mdev: {
            type: 'virtual',
            adapters: byNumber(guest.adapters),
            domains: byNumber(guest.domains),
            choice: guest.choice,
          },
        },
      ]),
    ),
    Owner: { memory: '64KiB', mdev: { adapters: passthrough, domains: [...domains] } },
  },
});

class MachineUnderTest implements VirtualMachineUnderTest {
  readonly #machine: Machine;
  readonly #preset: VirtualPreset;

  constructor(machine: Machine, preset: VirtualPreset) {
    this.#machine = machine;
    this.#preset = preset;
  }

  get partition() {
    const { image } = this.#machine;
    const flags = image.word(L.C_QCI_FLAGS);
    const maxima = image.word(L.C_QCI_NA_ND);
    return {
      qciFlags: {
        S: (flags & QCI_FLAG_S) !== 0,
        C: (flags & QCI_FLAG_C) !== 0,
        R: (flags & QCI_FLAG_R) !== 0,
        B: (flags & QCI_FLAG_B) !== 0,
      },
      na: maxima >>> 8,
      nd: maxima & 0xff,
      tapqNd: 84,
    };
  }

  #block(guest: number): number {
    return this.#machine.image.vcpu(guest + 1, 0);
  }

  execute(guest: number, word: number): Outcome {
    const v = this.#block(guest);
    const { image } = this.#machine;
    const lowcore = this.storage(guest).slice(0, LOWCORE_BYTES);
    if (this.#machine.guests[guest].cpu(0).cpu.execute(word) === 0)
      return { kind: 'completed', cc: (image.word(v) & PSW_CC) >>> PSW_CC_SHIFT };
    const code = image.word(v + L.V_EXIT);
    const nullified = isNullifying(code);
    const storage = this.storage(guest);
    const ilc = new DataView(storage.buffer, storage.byteOffset).getUint16(LC_PGM_ILC) / 2;
    // The model keeps no lowcore; what is stored there has tests of its own.
    storage.set(lowcore);
    const psw = this.psw(guest);
    if (!nullified) {
      const address = BigInt.asUintN(psw.addressingMode, psw.address + BigInt(2 * ilc));
      this.setPsw(guest, { ...psw, address });
    }
    return { kind: 'program', code, ilc, nullified };
  }

  register(guest: number, n: number): bigint {
    return this.#machine.guests[guest].cpu(0).register(n);
  }

  setRegister(guest: number, n: number, value: bigint): void {
    this.#machine.guests[guest].cpu(0).setRegister(n, value);
  }

  psw(guest: number): Psw {
    const v = this.#block(guest);
    const { i32 } = this.#machine.image;
    const ea = (i32[v] & PSW_EA) !== 0;
    return {
      problem: (i32[v] & PSW_PROBLEM) !== 0,
      addressingMode: ea ? 64 : (i32[v + 1] & PSW_BA) !== 0 ? 31 : 24,
      address: (BigInt(i32[v + 2] >>> 0) << 32n) | BigInt(i32[v + 3] >>> 0),
      cc: (i32[v] & PSW_CC) >>> PSW_CC_SHIFT,
    };
  }

  setPsw(guest: number, psw: Psw): void {
    const v = this.#block(guest);
    const { i32 } = this.#machine.image;
    i32[v] =
      (i32[v] & ~(PSW_EA | PSW_PROBLEM | PSW_CC)) |
      (psw.addressingMode === 64 ? PSW_EA : 0) |
      (psw.problem ? PSW_PROBLEM : 0) |
      (psw.cc << PSW_CC_SHIFT);
    i32[v + 1] = psw.addressingMode === 24 ? 0 : PSW_BA;
    i32[v + 2] = Number(psw.address >> 32n) | 0;
    i32[v + 3] = Number(psw.address & 0xffffffffn) | 0;
  }

  storage(guest: number): Uint8Array {
    return this.#machine.image.storage(guest + 1);
  }

  write(guest: number, address: number, bytes: Uint8Array): void {
    this.storage(guest).set(bytes, address);
  }

  advance(time: number): void {
    this.#machine.advance(time);
  }

  host(operation: HostOperation): { outcome: string; tookNs: number } {
    const before = this.#machine.nowNs();
    const outcome = this.#apply(operation);
    this.#machine.advance(0);
    return { outcome, tookNs: this.#machine.nowNs() - before };
  }

  #apply(operation: HostOperation): string {
    const machine = this.#machine;
    switch (operation.op) {
      case 'assign':
      case 'unassign': {
        const { op, axis, mapping } = operation;
        const [virtual, real] = mapping;
        const text = real.length === 0 ? `${virtual}` : `${virtual}:${real.join(',')}`;
        return machine.write(`${this.#path(operation.guest)}/${op}_${axis}`, text);
      }
      case 'choice':
        return machine.write(`${this.#path(operation.guest)}/choice`, operation.choice);
      default:
        machine.partition[operation.op](operation.apid);
        return 'ok';
    }
  }

  #path(guest: number): string {
    return `${MATRIX}/${this.#machine.guests[guest].uuid}`;
  }

  pendingIscs(guest: number): readonly number[] {
    const { image } = this.#machine;
    const pending = image.u8[image.gisa(guest + 1) + GISA_IPM];
    return [0, 1, 2, 3, 4, 5, 6, 7].filter((isc) => (pending & (0x80 >> isc)) !== 0);
  }

  mapText(guest: number): string {
    return read(this.#machine, `${this.#path(guest)}/map`);
  }

  load(): string {
    const { image } = this.#machine;
    const used = (q: number): number => {
      let count = 0;
      for (let bits = image.word(q + L.Q_ALL_FREE) & ~image.word(q + L.Q_FREE); bits !== 0; count++)
        bits &= bits - 1;
      return count;
    };
    return this.#preset.cards
      .flatMap(({ apid }) => this.#preset.domains.map((apqi) => image.queue(apid * 256 + apqi)))
      .map(used)
      .join(' ');
  }

  close(): void {
    this.#machine.close();
  }
}

export const createVirtualMachine = async (
  preset: VirtualPreset,
): Promise<VirtualMachineUnderTest> =>
  new MachineUnderTest(await createMachine(configOf(preset)), preset);
