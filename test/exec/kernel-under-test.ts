// SPDX-License-Identifier: Apache-2.0
// The real machine (image, kernel, partition, faults, adapter service) as a MachineUnderTest, for vectors and lockstep runs.
import { MODE_LOOPBACK } from '../../native-like/arch/adapter-types.ts';
import { isNullifying, LC_PGM_ILC } from '../../native-like/arch/program-interruptions.ts';
import {
  LOWCORE_BYTES,
  PSW_BA,
  PSW_CC,
  PSW_CC_SHIFT,
  PSW_EA,
  PSW_PROBLEM,
} from '../../native-like/arch/psw.ts';
import { CRYCB_APCB0, CRYCB_APCB1, CRYCBD_ADDRESS } from '../../native-like/arch/sie.ts';
import { createSharedMemory } from '../../native-like/machine/globals.ts';
import { deriveEffectiveMasks, setFacilities } from '../../native-like/machine/guest-setup.ts';
import { clearImage, layOutImage, MachineImage } from '../../native-like/machine/image.ts';
import { type ImageShape, imageBytes } from '../../native-like/machine/image-shape.ts';
import * as L from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_PROGRAM } from '../../native-like/machine/outcome.ts';
import { targetDomain } from '../../src/cex/domains.ts';
import { guestFacilities, hostFacilities } from '../../src/kvm/guest-facilities.ts';
import { AdapterService } from '../../src/lpar/adapter-service.ts';
import type { Fault } from '../../src/lpar/fault-record.ts';
import { Faults } from '../../src/lpar/faults.ts';
import { type Kernel, loadKernel } from '../../src/lpar/kernel.ts';
import { Partition } from '../../src/lpar/partition.ts';
import type * as U from '../vectors/under-test.ts';

const CAPACITY: ImageShape = {
  guests: Array.from({ length: 8 }, () => ({ vcpus: 4, storageBytes: 0x40000 })),
  messageBytes: 0x4000000,
};
const FORMAT = { 0: 0, 1: 1, 2: 3 } as const;

const qciFlags = (machine: U.MachineConfig): number =>
  (machine.qciFlags.S ? 0x80000000 : 0) |
  (machine.apxa ? 0x40000000 : 0) |
  (machine.qciFlags.C ? 0x20000000 : 0) |
  (machine.qciFlags.R ? 0x10000000 : 0) |
  (machine.qciFlags.B ? 0x00800000 : 0);

/** One memory with one kernel instance; each machine made from it replaces the last one. */
export interface Bench {
  readonly image: MachineImage;
  readonly kernel: Kernel;
}

/** A memory that every machine of the tests fits into. */
const createImage = (): MachineImage => {
  const memory = createSharedMemory(imageBytes(CAPACITY));
  layOutImage(memory, CAPACITY);
  return new MachineImage(memory);
};

/** Loads a kernel (the built one, or a mutated file) over a fresh memory, or over the one of another bench. */
export const createBench = async (file?: string, image = createImage()): Promise<Bench> => {
  const kernel = await loadKernel(image, {
    ...(file === undefined ? {} : { file }),
    targetDomain: (mode, payload, length) =>
      mode === MODE_LOOPBACK ? -1 : targetDomain(image.u8.slice(payload, payload + length)),
  });
  return { image, kernel };
};

class KernelUnderTest implements U.MachineUnderTest {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #partition: Partition;
  readonly #faults: Faults;
  readonly #service: AdapterService;
  readonly #guests: readonly U.GuestConfig[];
  readonly #busyUntil = new Map<number, number>();
  #nowNs = 0;

  constructor(bench: Bench, preset: U.MachinePreset) {
    const { machine, guests } = preset;
    clearImage(bench.image);
    this.#image = layOutImage(
      bench.image.memory,
      {
        ...CAPACITY,
        guests: guests.map((g) => ({ vcpus: g.vcpus, storageBytes: g.storageBytes })),
      },
      CAPACITY,
    );
    this.#kernel = bench.kernel;
    this.#guests = guests;
    this.#writeMachine(machine);
    this.#partition = new Partition(
      this.#image,
      this.#kernel,
      {
        adapters: machine.adapters.map((a) => ({
          ...a,
          service: {
            model: a.serviceNs === 0 ? 'instant' : 'fixed',
            timeNs: a.serviceNs,
            sigma: 0,
            engines: 0,
            order: 'completion',
          },
        })),
        usageDomains: machine.usageDomains,
        controlDomains: machine.controlDomains,
        seed: 1,
      },
      (change) => change(),
    );
    this.#faults = new Faults(this.#partition, 1, (change) => change());
    this.#service = new AdapterService(this.#image, this.#kernel, undefined);
    for (const [index, guest] of guests.entries()) this.#writeGuest(guest, index, machine);
  }

  #writeMachine(machine: U.MachineConfig): void {
    const { i32, f64 } = this.#image;
    i32[L.C_QCI_FLAGS] = qciFlags(machine);
    i32[L.C_QCI_NA_ND] = (machine.na << 8) | machine.nd;
    f64[L.C_TIME_RAPQ >> 1] = machine.timing.rapqNs;
    f64[L.C_TIME_ZAPQ >> 1] = machine.timing.zapqNs;
    f64[L.C_TIME_AQIC >> 1] = machine.timing.aqicNs;
    f64[L.C_TIME_BIND >> 1] = machine.timing.assocNs;
    i32[L.C_CC2_BYTES] = machine.cc2?.bytes ?? 0;
    i32[L.C_OPTIONS] =
      (machine.partsAllowed ? 0 : L.OPTION_REFUSE_PARTS) |
      (machine.cc2?.at === 'progress' ? L.OPTION_CC2_PROGRESS : 0);
    setFacilities(this.#image, 0, hostFacilities(this.#guests[0].facilities, qciFlags(machine)));
  }

  #writeGuest(guest: U.GuestConfig, index: number, machine: U.MachineConfig): void {
    const image = this.#image;
    if (index === 0) {
      if (!machine.apInstalled) setFacilities(image, 0, 0);
      return;
    }
    const format = FORMAT[guest.crycb.format];
    const model = {
      facilities: guest.facilities,
      apie: guest.apie,
      aiv: true,
      secureExecution: guest.secureExecution !== undefined,
    };
    let facilities = guestFacilities(model, qciFlags(machine), format);
    if (!machine.apInstalled) facilities = 0;
    image.i32[image.guest(index) + L.G_CRYCBD] = (0x1000 & CRYCBD_ADDRESS) | format;
    guest.secureExecution?.secrets.forEach((secret, n) => {
      image.i32[image.guest(index) + L.G_SECRET_LIST + n] = secret;
      image.i32[image.guest(index) + L.G_SECRETS] = n + 1;
    });
    setFacilities(image, index, facilities);
    this.setMasks(index, 0, guest.crycb.apcb0);
    this.setMasks(index, 1, guest.crycb.apcb1);
  }

  setMasks(guest: number, apcb: 0 | 1, masks: U.Masks): void {
    const base = this.#image.crycb(guest) + (apcb === 0 ? CRYCB_APCB0 : CRYCB_APCB1);
    const size = apcb === 0 ? 8 : 32;
    this.#image.u8.fill(0, base, base + (apcb === 0 ? 32 : 128));
    [masks.apm, masks.aqm, masks.adm].forEach((list, n) => {
      for (const id of list) {
        if (id < size * 8) this.#image.u8[base + n * size + (id >>> 3)] |= 0x80 >> (id & 7);
      }
    });
    deriveEffectiveMasks(this.#image, guest);
  }

  execute(guest: number, vcpu: number, word: number): U.Outcome {
    const v = this.#image.vcpu(guest, vcpu);
    const lowcore = this.#image.storage(guest).slice(0, LOWCORE_BYTES);
    const ended = this.#kernel.execute(v, word);
    this.#settle();
    const { i32 } = this.#image;
    if (ended === EXECUTE_COMPLETED) {
      return { kind: 'completed', cc: (i32[v] & PSW_CC) >>> PSW_CC_SHIFT };
    }
    if (ended === EXECUTE_PROGRAM) {
      const code = i32[v + L.V_EXIT];
      const nullified = isNullifying(code);
      const storage = this.#image.storage(guest);
      const ilc = new DataView(storage.buffer, storage.byteOffset).getUint16(LC_PGM_ILC) / 2;
      // The model keeps no lowcore; what is stored there has tests of its own.
      storage.set(lowcore);
      if (!nullified) this.#advancePsw(v, 2 * ilc);
      return { kind: 'program', code, ilc, nullified };
    }
    const instruction = i32[v + L.V_INSTRUCTION];
    return {
      kind: 'intercept',
      icptcode: i32[v + L.V_EXIT],
      ipa: instruction >>> 16,
      ipb: ((instruction & 0xffff) << 16) >>> 0,
    };
  }

  /** The model shows the PSW of the interruption; the machine leaves the vCPU's own PSW alone. */
  #advancePsw(v: number, bytes: number): void {
    const psw = this.#readPsw(v);
    const bits = psw.addressingMode === 64 ? 64 : psw.addressingMode;
    this.#writeAddress(v, BigInt.asUintN(bits, psw.address + BigInt(bytes)));
  }

  register(guest: number, vcpu: number, n: number): bigint {
    const at = this.#image.vcpu(guest, vcpu) + L.V_GR + 2 * n;
    const { i32 } = this.#image;
    return (BigInt(i32[at] >>> 0) << 32n) | BigInt(i32[at + 1] >>> 0);
  }

  setRegister(guest: number, vcpu: number, n: number, value: bigint): void {
    const at = this.#image.vcpu(guest, vcpu) + L.V_GR + 2 * n;
    this.#image.i32[at] = Number(value >> 32n) | 0;
    this.#image.i32[at + 1] = Number(value & 0xffffffffn) | 0;
  }

  psw(guest: number, vcpu: number): U.Psw {
    return this.#readPsw(this.#image.vcpu(guest, vcpu));
  }

  #readPsw(v: number): U.Psw {
    const { i32 } = this.#image;
    const high = i32[v];
    const ea = (high & PSW_EA) !== 0;
    const ba = (i32[v + 1] & PSW_BA) !== 0;
    return {
      problem: (high & PSW_PROBLEM) !== 0,
      addressingMode: ea ? 64 : ba ? 31 : 24,
      address: (BigInt(i32[v + 2] >>> 0) << 32n) | BigInt(i32[v + 3] >>> 0),
      cc: (high & PSW_CC) >>> PSW_CC_SHIFT,
    };
  }

  #writeAddress(v: number, address: bigint): void {
    this.#image.i32[v + 2] = Number(address >> 32n) | 0;
    this.#image.i32[v + 3] = Number(address & 0xffffffffn) | 0;
  }

  setPsw(guest: number, vcpu: number, psw: U.Psw): void {
    const v = this.#image.vcpu(guest, vcpu);
    const { i32 } = this.#image;
    i32[v] =
      (i32[v] & ~(PSW_EA | PSW_PROBLEM | PSW_CC)) |
      (psw.addressingMode === 64 ? PSW_EA : 0) |
      (psw.problem ? PSW_PROBLEM : 0) |
      (psw.cc << PSW_CC_SHIFT);
    i32[v + 1] = psw.addressingMode === 24 ? 0 : PSW_BA;
    this.#writeAddress(v, psw.address);
  }

  storage(guest: number): Uint8Array {
    return this.#image.storage(guest);
  }

  writeStorage(guest: number, address: number, bytes: Uint8Array): void {
    this.#image.storage(guest).set(bytes, address);
  }

  #settle(): void {
    if (this.#service.wanted) this.#service.serve();
  }

  advance(ns: number): void {
    const end = this.#nowNs + ns;
    for (;;) {
      const next = Math.min(this.#service.serve(), end);
      this.#setTime(next);
      this.#service.serve();
      if (next >= end) break;
    }
  }

  #setTime(time: number): void {
    this.#nowNs = Math.max(this.#nowNs, time);
    this.#image.f64[L.C_CLOCKS >> 1] = this.#nowNs;
    for (const [apqn, until] of this.#busyUntil) {
      if (until > this.#nowNs) continue;
      this.#busyUntil.delete(apqn);
      this.#partition.setBusy(apqn, false);
    }
  }

  configure(apid: number): void {
    if (this.#partition.adapters.has(apid)) this.#partition.configure(apid);
  }
  deconfigure(apid: number): void {
    if (this.#partition.adapters.has(apid)) this.#partition.deconfigure(apid);
  }
  checkstop(apid: number): void {
    if (this.#partition.adapters.has(apid)) this.#partition.checkstop(apid);
  }
  recover(apid: number): void {
    if (this.#partition.adapters.has(apid)) this.#partition.recover(apid);
  }

  setBusy(apqn: number, ns: number): void {
    if (this.#image.queue(apqn) === this.#image.queueRecord(0)) return;
    this.#busyUntil.set(apqn, this.#nowNs + ns);
    this.#partition.setBusy(apqn, ns > 0);
  }

  injectFault(fault: U.Fault): void {
    const declared: Fault = {
      guest: fault.guest,
      apqn: fault.apqn,
      on: fault.on,
      effect: fault.rc === undefined ? { kind: 'cc', cc: 2 } : { kind: 'rc', rc: fault.rc },
      count: fault.count,
    };
    this.#faults.declare(declared);
  }

  queueStatus(apqn: number): number {
    const q = this.#image.queue(apqn);
    const rc = this.#kernel.queueState(this.#image.vcpu(0), q, 0);
    return this.#kernel.statusWithCode(q, rc) >>> 0;
  }

  pendingIscs(): readonly number[] | undefined {
    const pending = this.#image.word(L.C_GIB + 1);
    return [0, 1, 2, 3, 4, 5, 6, 7].filter((isc) => (pending & (0x80 >> isc)) !== 0);
  }
}

/** The factory over a bench: machines are made one after the other in its memory, at most one is in use. */
export const kernelFactory = (bench: Bench, name = 'kernel'): U.UnderTestFactory => ({
  name,
  create: (preset) => new KernelUnderTest(bench, preset),
});
