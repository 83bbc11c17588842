// SPDX-License-Identifier: Apache-2.0
// What the vectors and the lockstep generator need from a machine: plain configurations and one interface.
// A second implementation is plugged in by one file that exports an `UnderTestFactory`.
// Source: docs/reference/ap-architecture.md, docs/design.md section 3 and 6.

/** Names of the AP functions as AP programs and faults spell them. */
export const FUNCTION_NAMES = [
  'tapq',
  'rapq',
  'zapq',
  'aqic',
  'qci',
  'qact',
  'qbap',
  'bapq',
  'aapq',
  'nqap',
  'dqap',
] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** Three lists of ids: adapters, usage domains, control domains. */
export interface Masks {
  readonly apm: readonly number[];
  readonly aqm: readonly number[];
  readonly adm: readonly number[];
}

/** One adapter; all its queues are alike (ap-architecture 4.4, 4.5). */
export interface AdapterConfig {
  readonly apid: number;
  /** Type number, 14 = CEX8. */
  readonly type: number;
  /** `loopback`: the reply is the request, no request names a domain; `cca`, `ep11`: NQAP looks at the target domain. */
  readonly mode: 'loopback' | 'cca' | 'ep11';
  /** Facility word, GR2 bits 0-31 of TAPQ, without the bind state. */
  readonly functions: number;
  /** 1 to 16 messages. */
  readonly depth: number;
  /** Message limit in 4 KiB units, 0 = 12288 bytes. */
  readonly ml: number;
  /** Number of domains as TAPQ shows it. */
  readonly nd: number;
  /** Time from acceptance to reply, 0 = the reply is there right after NQAP. */
  readonly serviceNs: number;
}

/** AD-18. `progress`: interrupted after each `bytes` bytes; `address`: at each multiple of `bytes`. */
export interface SegmentBoundary {
  readonly at: 'progress' | 'address';
  readonly bytes: number;
}

export interface MachineConfig {
  /** False: a machine without AP instructions. */
  readonly apInstalled: boolean;
  /** QCI flag N as well. */
  readonly apxa: boolean;
  readonly qciFlags: {
    readonly S: boolean;
    readonly C: boolean;
    readonly R: boolean;
    readonly B: boolean;
  };
  readonly na: number;
  readonly nd: number;
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
  readonly adapters: readonly AdapterConfig[];
  readonly timing: {
    readonly rapqNs: number;
    readonly zapqNs: number;
    readonly aqicNs: number;
    readonly assocNs: number;
  };
  readonly cc2?: SegmentBoundary;
  /** AD-19; false: L=0 is a specification exception. */
  readonly partsAllowed: boolean;
}

export interface GuestConfig {
  readonly name: string;
  /** ECA bit 28. */
  readonly apie: boolean;
  /** STFLE bits of this guest (12, 15, 65, 76). */
  readonly facilities: readonly number[];
  /** Format 0, 1, 2 (CRYCBD bits 0, 1, 3) and both APCBs; ignored for the host partition. */
  readonly crycb: { readonly format: 0 | 1 | 2; readonly apcb0: Masks; readonly apcb1: Masks };
  /** Below 16 MiB. */
  readonly storageBytes: number;
  readonly secureExecution?: { readonly secrets: readonly number[] };
  readonly vcpus: number;
}

/** A whole machine. Guest 0 is the host partition itself: its instructions are not under SIE. */
export interface MachinePreset {
  readonly machine: MachineConfig;
  readonly guests: readonly GuestConfig[];
}

export interface Psw {
  problem: boolean;
  addressingMode: 24 | 31 | 64;
  address: bigint;
  cc: number;
}

export type Outcome =
  | { readonly kind: 'completed'; readonly cc: number }
  | {
      readonly kind: 'program';
      readonly code: number;
      readonly ilc: number;
      readonly nullified: boolean;
    }
  | {
      readonly kind: 'intercept';
      readonly icptcode: number;
      readonly ipa: number;
      readonly ipb: number;
    };

/** Answers the next `count` matching instructions with a response code, or with CC 2 without progress. */
export interface Fault {
  readonly guest?: number;
  readonly apqn?: number;
  readonly on: FunctionName | 'any';
  readonly rc?: number;
  readonly cc?: 2;
  readonly count: number;
}

/** One implementation of the machine, driven from outside. Guests and vCPUs are counted from 0. */
export interface MachineUnderTest {
  execute(guest: number, vcpu: number, instructionWord: number): Outcome;
  register(guest: number, vcpu: number, n: number): bigint;
  setRegister(guest: number, vcpu: number, n: number, value: bigint): void;
  psw(guest: number, vcpu: number): Psw;
  setPsw(guest: number, vcpu: number, psw: Psw): void;
  /** A copy of the guest's whole storage, or a view that the caller only reads. */
  storage(guest: number): Uint8Array;
  writeStorage(guest: number, address: number, bytes: Uint8Array): void;
  /** Moves virtual time; everything due up to and including the new time has happened. */
  advance(ns: number): void;
  setMasks(guest: number, apcb: 0 | 1, masks: Masks): void;
  configure(apid: number): void;
  deconfigure(apid: number): void;
  checkstop(apid: number): void;
  /** Ends a checkstop. */
  recover(apid: number): void;
  setBusy(apqn: number, ns: number): void;
  injectFault(fault: Fault): void;
  /** GR1 low word as TAPQ by the host partition would give it, without using up a fault. */
  queueStatus(apqn: number): number;
  /** ISCs of pending host adapter interruptions (AQIC with GISA origin 0), ascending; undefined: not observable. */
  pendingIscs(): readonly number[] | undefined;
}

export interface UnderTestFactory {
  readonly name: string;
  create(preset: MachinePreset): MachineUnderTest;
}
