// SPDX-License-Identifier: Apache-2.0
// What the AP bus needs below it: the partition's own AP instructions and SCLP commands.
// Source: docs/reference/ap-architecture.md sections 1.5, 1.10, 2.1, 4.2 and 4.4; vfio-ap.md section 3.3.
import type { Apqn } from './apqn.ts';

/** Answer of TAPQ with the T bit: queue status word and GR2. */
export interface QueueTest {
  /** GR1 bits 32-63. */
  readonly status: number;
  readonly gr2High: number;
  readonly gr2Low: number;
}

/** Result of an SCLP configure or deconfigure command as the driver sees it. */
export type SclpOutcome = 'ok' | 'EIO' | 'EOPNOTSUPP';

/** The host's view of the machine. The host itself executes these instructions, not under interpretive execution. */
export interface PartitionPort {
  /** STFLE bits: 12 is QCI, 15 TAPQ with T, 65 AQIC. */
  readonly facilities: { has(facility: number): boolean };
  /** Executes PQAP(QCI): 128 bytes, big-endian. Called only with facility 12. */
  qci(): Uint8Array;
  tapq(apqn: Apqn): QueueTest;
  /** Executes PQAP(RAPQ) and returns the status word. `fBit` also unbinds a secure-execution queue. */
  rapq(apqn: Apqn, fBit?: boolean): number;
  /** Executes PQAP(ZAPQ) and returns the status word. */
  zapq(apqn: Apqn): number;
  /** Executes PQAP(AQIC) with the halves of the control word and the address of the notification byte. Returns the status word. */
  aqic(apqn: Apqn, controlHigh: number, controlLow: number, nib: number): number;
  /** PQAP(BAPQ) and PQAP(AAPQ), for secure-execution hosts (QCI flag B). Absent if the machine does not have the instruction. */
  bapq?(apqn: Apqn): number;
  aapq?(apqn: Apqn, secretIndex: number): number;
  /** SCLP commands 001F0001 (configure) and 001E0001 (deconfigure) for this adapter. */
  configure(apid: number): SclpOutcome;
  deconfigure(apid: number): SclpOutcome;
  /** Has `listener` called when the machine reports a changed configuration (CHSC event information). */
  onConfigurationChange(listener: () => void): void;
}
