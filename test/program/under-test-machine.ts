// SPDX-License-Identifier: Apache-2.0
// Any `MachineUnderTest` (the reference model, a bare kernel) as the machine of a program: instructions, storage, clock, lpar
// and simple faults. There is no host side: sysfs, io and AQIC of a guest are beyond it.

import { ADAPTER_MODES, MACHINE_PROFILES } from '../../native-like/arch/adapter-types.ts';
import type { FaultConfig, GuestConfig, MachineConfig } from '../../src/config/types.ts';
import type {
  OperationOutcome,
  ProgramCpu,
  ProgramMachine,
  ProgramPsw,
} from '../../src/program/program-machine.ts';
import type * as U from '../vectors/under-test.ts';

/** Lowcore fields of a program interruption. Source: ap-architecture.md section 3.1. */
const LC_PGM_ILC = 0x8c;
const LC_PGM_CODE = 0x8e;
const STORAGE_BYTES = 0x40000;
const NO_MASKS = { apm: [], aqm: [], adm: [] };

function presetOf(config: MachineConfig): U.MachinePreset {
  const { machine } = config;
  const profile = MACHINE_PROFILES.find((row) => row.name === machine.profile);
  if (profile === undefined) throw new Error(`no profile ${machine.profile}`);
  const all = [...machine.adapters.values()];
  const functionsOf = (mode: string) =>
    ADAPTER_MODES.find((row) => row.mode === mode)?.functions ?? 0;
  const host = {
    name: 'host',
    apie: true,
    facilities: profile.facilities,
    crycb: { format: 2 as const, apcb0: NO_MASKS, apcb1: NO_MASKS },
    storageBytes: STORAGE_BYTES,
    vcpus: 1,
  };
  return {
    machine: {
      apInstalled: true,
      apxa: true,
      qciFlags: {
        S: true,
        C: profile.name >= 'z15',
        R: profile.name >= 'z15',
        B: profile.name >= 'z16',
      },
      na: profile.na,
      nd: profile.nd,
      usageDomains: machine.usageDomains,
      controlDomains: machine.controlDomains,
      adapters: all.map((adapter) => ({
        apid: adapter.apid,
        type: adapter.type,
        mode: adapter.mode === 'accelerator' ? 'loopback' : adapter.mode,
        functions: (adapter.functions ?? functionsOf(adapter.mode)) >>> 0,
        depth: adapter.depth,
        ml: adapter.ml ?? 3,
        nd: 84,
        serviceNs: adapter.service.timeNs,
      })),
      timing: { ...machine.timing, assocNs: 1_000_000 },
      partsAllowed: true,
    },
    guests: [host, ...config.guests.map(guestOf)],
  };
}

function guestOf(guest: GuestConfig): U.GuestConfig {
  const { adapters = [], domains = [], controlDomains = [] } = guest.mdev ?? {};
  return {
    name: guest.name,
    apie: guest.apie,
    facilities: guest.facilities,
    crycb: {
      format: 2,
      apcb0: NO_MASKS,
      apcb1: { apm: adapters, aqm: domains, adm: controlDomains },
    },
    storageBytes: STORAGE_BYTES,
    vcpus: guest.vcpus,
    ...(guest.secureExecution === undefined ? {} : { secureExecution: guest.secureExecution }),
  };
}

class UnderTestCpu implements ProgramCpu {
  readonly #machine: U.MachineUnderTest;
  readonly #guest: number;
  readonly #vcpu: number;
  #code = 0;

  constructor(machine: U.MachineUnderTest, guest: number, vcpu: number) {
    this.#machine = machine;
    this.#guest = guest;
    this.#vcpu = vcpu;
  }
  get storage(): Uint8Array {
    return this.#machine.storage(this.#guest);
  }
  grLow(n: number): number {
    return Number(BigInt.asIntN(32, this.#machine.register(this.#guest, this.#vcpu, n)));
  }
  grHigh(n: number): number {
    return Number(BigInt.asIntN(32, this.#machine.register(this.#guest, this.#vcpu, n) >> 32n));
  }
  setGr(n: number, high: number, low: number): void {
    const value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    this.#machine.setRegister(this.#guest, this.#vcpu, n, value);
  }
  execute(word: number): number {
    const before = this.#machine.psw(this.#guest, this.#vcpu);
    const outcome = this.#machine.execute(this.#guest, this.#vcpu, word >>> 0);
    if (outcome.kind === 'intercept') return this.#interrupt(before, 1, 2);
    return outcome.kind === 'completed' ? 0 : this.#interrupt(before, outcome.code, outcome.ilc);
  }
  /** KVM has no handler: an operation exception. */
  #interrupt(before: U.Psw, code: number, ilc: number): number {
    this.#machine.setPsw(this.#guest, this.#vcpu, before);
    this.#code = code;
    const { storage } = this;
    const view = new DataView(storage.buffer, storage.byteOffset);
    view.setUint16(LC_PGM_ILC, 2 * ilc);
    view.setUint16(LC_PGM_CODE, code);
    return 1;
  }
  conditionCode(): number {
    return this.#machine.psw(this.#guest, this.#vcpu).cc;
  }
  programInterruption(): number {
    return this.#code;
  }
  takeInterruption(): number {
    throw new Error('no interruptions here');
  }
  takeMachineCheck(): boolean {
    return false;
  }
  readPsw(): ProgramPsw {
    const { problem, addressingMode, cc } = this.#machine.psw(this.#guest, this.#vcpu);
    const fixed = {
      io: true,
      mck: false,
      key: 0,
      dat: false,
      iaHigh: 0,
      iaLow: 0,
      loadsNewPsw: false,
      cr6: 0,
    };
    return { ...fixed, p: problem, am: addressingMode, cc };
  }
  changePsw(fields: Partial<ProgramPsw>): void {
    const psw = this.#machine.psw(this.#guest, this.#vcpu);
    this.#machine.setPsw(this.#guest, this.#vcpu, {
      ...psw,
      problem: fields.p ?? psw.problem,
      addressingMode: fields.am ?? psw.addressingMode,
      cc: fields.cc ?? psw.cc,
    });
  }
}

const OK: OperationOutcome = { kind: 'ok', text: '' };

/** A machine of this factory, made from a configuration. */
export function programMachineUnderTest(
  factory: U.UnderTestFactory,
  config: MachineConfig,
): ProgramMachine {
  const machine = factory.create(presetOf(config));
  const names = config.guests.map((guest) => guest.name);
  const cpus = new Map<string, ProgramCpu>();
  let nowNs = 0;
  const advance = (ns: number) => {
    nowNs += ns;
    machine.advance(ns);
  };
  return {
    cpu: (guest, vcpu) => {
      const number = guest === undefined ? 0 : names.indexOf(guest) + 1;
      const count = guest === undefined ? 1 : (config.guests[number - 1]?.vcpus ?? 0);
      if ((number === 0 && guest !== undefined) || vcpu >= count) return undefined;
      const id = `${number}.${vcpu}`;
      const cpu = cpus.get(id) ?? new UnderTestCpu(machine, number, vcpu);
      cpus.set(id, cpu);
      return cpu;
    },
    uuid: (guest) => config.guests.find(({ name }) => name === guest)?.uuid,
    guestNames: () => names,
    nowNs: () => nowNs,
    advance,
    run: () => advance(60_000_000_000),
    sysfs: () => {
      throw new Error('no sysfs here');
    },
    lpar: (verb, [first, second]) => {
      if (verb === 'busy') machine.setBusy(first, second);
      else if (
        verb === 'configure' ||
        verb === 'deconfigure' ||
        verb === 'checkstop' ||
        verb === 'recover'
      ) {
        machine[verb](first);
      } else throw new Error(`no ${verb} here`);
      return OK;
    },
    fault: (fault) => machine.injectFault(simple(fault, names)),
    clearFaults: () => {
      throw new Error('faults stay here');
    },
  };
}

function simple(
  { guest, apqn, on, effect, trigger }: FaultConfig,
  names: readonly string[],
): U.Fault {
  return {
    on,
    count: trigger.kind === 'count' ? trigger.count : 1_000_000,
    ...(guest === undefined ? {} : { guest: names.indexOf(guest) + 1 }),
    ...(apqn === undefined ? {} : { apqn }),
    ...(effect.kind === 'rc' ? { rc: effect.rc } : {}),
    ...(effect.kind === 'cc' ? { cc: 2 as const } : {}),
  };
}
