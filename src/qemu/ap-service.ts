// SPDX-License-Identifier: Apache-2.0
// What the mailbox loop needs from the machine: a guest whose vCPUs execute AP instructions. machine-service.ts implements it and is the
// only file in this folder that knows the machine; tests use a small stub.

/** How one instruction ended. */
export type Executed = 'completed' | 'program' | 'not-ap';

/** Registers of one served CPU. They are loaded before `execute` and read back after it. */
export interface ServedCpu {
  /** General registers as words: 2n is the high half and 2n+1 the low half of GRn. */
  readonly gr: Uint32Array;
  /** PSW as four words. `execute` sets the condition code in it. */
  readonly psw: Uint32Array;
}

/**
 * A guest's storage as its CPU sees it. Logical addresses go through DAT with the CPU's present PSW and control registers. If any part of
 * an operand cannot be stored, nothing is stored.
 */
export interface ServedStorage {
  /** Bytes of storage, from absolute zero on. */
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

/** What a guest's user space has to tell the guest by channel reports. */
export interface ChannelReportService {
  /** Whether a machine check waits for a CPU that is enabled for it. */
  readonly due: boolean;
  /** Whether words or event information are left to be taken. */
  readonly left: boolean;
  /** Notes that a CPU has taken the machine check. */
  taken(): void;
  /** Takes the next channel report word; 0 if there is none. */
  nextWord(): number;
  /** Response to CHSC store event information; undefined if there is nothing to store. */
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
  /** The facilities concerning AP that STFLE shows to this guest, as bit numbers. */
  readonly facilities: readonly number[];
  /** Undefined for a program that does not have apemu's host. */
  readonly reports?: ChannelReportService;
  /** Undefined for a guest of a host: its service processor is its user space. */
  readonly adapters?: AdapterCommands;
  /** Called once before the first instruction, with the storage QEMU holds. */
  connect(storage: ServedStorage): void;
  /** Registers of a CPU. CPU addresses count from 0, including CPUs that are added later by hot plug. */
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
   * Lets the machine's time pass until `nowNs` (nanoseconds since some fixed moment, by the host's clock).
   *
   * @returns when the next thing is due, in the same time, or Infinity
   */
  advance(nowNs: number): number;
  /** Resets the guest's queues and clears its interruptions, because the guest was reset. */
  reset(): void;
}
