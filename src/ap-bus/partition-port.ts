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

/** The host's view of the machine: instructions executed by the host itself, not under interpretive execution. */
export interface PartitionPort {
  /** STFLE bits: 12 QCI, 15 TAPQ with T, 65 AQIC. */
  readonly facilities: { has(facility: number): boolean };
  /** PQAP(QCI): 128 bytes, big endian. Called only with facility 12. */
  qci(): Uint8Array;
  tapq(apqn: Apqn): QueueTest;
  /** PQAP(RAPQ); the status word. `fBit` also unbinds a secure-execution queue. */
  rapq(apqn: Apqn, fBit?: boolean): number;
  /** PQAP(ZAPQ); the status word. */
  zapq(apqn: Apqn): number;
  /** PQAP(AQIC); the control word's halves, and the notification byte's address. Answers the status word. */
  aqic(apqn: Apqn, controlHigh: number, controlLow: number, nib: number): number;
  /** PQAP(BAPQ) and PQAP(AAPQ), for secure-execution hosts (QCI flag B). Absent: the instruction is not there. */
  bapq?(apqn: Apqn): number;
  aapq?(apqn: Apqn, secretIndex: number): number;
  /** SCLP 001F0001 and 001E0001 with this adapter. */
  configure(apid: number): SclpOutcome;
  deconfigure(apid: number): SclpOutcome;
  /** The machine tells that the configuration changed (CHSC event information). */
  onConfigurationChange(listener: () => void): void;
}
