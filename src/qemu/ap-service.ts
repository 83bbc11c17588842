// SPDX-License-Identifier: Apache-2.0
// What the mailbox loop needs from the machine: a guest whose vCPUs execute AP instructions. The only thing in this folder that
// knows the machine is its implementation in machine-service.ts; tests use a small stub.

/** What came of one instruction. */
export type Executed = 'completed' | 'program' | 'not-ap';

/** Registers of one served CPU. They are loaded before `execute` and read back after it. */
export interface ServedCpu {
  /** General registers as words: 2n is the high, 2n+1 the low half of GRn. */
  readonly gr: Uint32Array;
  /** PSW as four words; `execute` sets the condition code in it. */
  readonly psw: Uint32Array;
}

/**
 * A guest's storage as its CPU sees it. Logical addresses go through DAT with the CPU's present PSW and control registers.
 * Nothing is stored when any part of the operand cannot be.
 */
export interface ServedStorage {
  /** Bytes of storage, from absolute zero. */
  readonly size: number;
  /** @returns 0, or the program interruption code of the access exception */
  fetch(
    cpu: number,
    addressHigh: number,
    addressLow: number,
    length: number,
    target: Uint8Array,
  ): number;
  /** @returns 0, or the program interruption code of the access exception */
  store(
    cpu: number,
    addressHigh: number,
    addressLow: number,
    length: number,
    source: Uint8Array,
  ): number;
  /** Stores one byte at a guest absolute address (the notification byte). @returns false outside storage */
  storeAbsolute(address: number, byte: number): boolean;
}

/** What a guest's user space has to tell it by channel reports. */
export interface ChannelReportService {
  /** A machine check waits for a CPU that is enabled for it. */
  readonly due: boolean;
  /** Words or event information are left to be taken. */
  readonly left: boolean;
  /** A CPU has taken the machine check. */
  taken(): void;
  /** The next channel report word; 0: none. */
  nextWord(): number;
  /** Response of CHSC store event information; undefined: nothing is stored. */
  nextEvent(): Uint8Array | undefined;
}

/** What a program may do to the adapters of its partition by commands of the service processor. */
export interface AdapterCommands {
  /**
   * Configures or deconfigures an adapter.
   *
   * @returns the response code of the command; undefined for an adapter the partition does not have
   */
  configure(apid: number, on: boolean): number | undefined;
}

/** A guest of the machine, as far as QEMU needs it. Everything runs on the caller's thread and returns at once. */
export interface ApService {
  /** Name of the guest, for messages. */
  readonly name: string;
  /** Facilities that concern AP, as STFLE shows them to this guest: bit numbers. */
  readonly facilities: readonly number[];
  /** Undefined for a program without a host of ours. */
  readonly reports?: ChannelReportService;
  /** Undefined for a guest of a host: its service processor is its user space. */
  readonly adapters?: AdapterCommands;
  /** Called once before the first instruction, with the storage QEMU holds. */
  connect(storage: ServedStorage): void;
  /** Registers of a CPU. CPU addresses count from 0, also those that come later by hot plug. */
  cpu(address: number): ServedCpu;
  /** Executes one instruction word on the registers of that CPU. */
  execute(address: number, word: number): Executed;
  /** Program interruption code after `execute` returned `program`. */
  programCode(address: number): number;
  /**
   * Highest-priority pending adapter interruption whose ISC is enabled.
   *
   * @param isc mask of enabled ISCs as in CR6 bits 32-39: 0x80000000 is ISC 0; all bits ask for any
   * @returns the ISC, or -1
   */
  pendingIsc(mask: number): number;
  /** Consumes a pending interruption. @returns the interruption word stored at lowcore 0xC0 */
  takeInterruption(isc: number): number;
  /**
   * Lets the machine's time go on to `nowNs` (nanoseconds since some fixed moment, host clock).
   *
   * @returns when something is due next, in the same time, or Infinity
   */
  advance(nowNs: number): number;
  /** The guest was reset: its queues are reset, its interruptions cleared. */
  reset(): void;
}
