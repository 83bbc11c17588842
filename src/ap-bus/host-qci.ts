// SPDX-License-Identifier: Apache-2.0
// The host's copy of the QCI block.
// Source: docs/reference/ap-architecture.md section 4.2 (arch/s390/include/asm/ap.h: struct ap_config_info).
import { STFLE_QCI } from '../../native-like/arch/facilities.ts';
import { emptyMask, type Mask, maskFromBytes } from './mask.ts';
import type { PartitionPort } from './partition-port.ts';

/** The decoded QCI block, and the bytes it was made from. */
export interface QciInfo {
  /** False without facility 12, or if the flags word is zero. The other fields mean nothing then. */
  readonly available: boolean;
  readonly flags: number;
  readonly na: number;
  readonly nd: number;
  readonly apm: Mask;
  readonly aqm: Mask;
  readonly adm: Mask;
  readonly bytes: Uint8Array;
}

export const NO_QCI: QciInfo = {
  available: false,
  flags: 0,
  na: 0,
  nd: 0,
  apm: emptyMask(),
  aqm: emptyMask(),
  adm: emptyMask(),
  bytes: new Uint8Array(128),
};

/** Executes QCI, if the partition has it. */
export function fetchQci(partition: PartitionPort): QciInfo {
  if (!partition.facilities.has(STFLE_QCI)) return NO_QCI;
  const bytes = partition.qci().slice(0, 128);
  const flags = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (flags === 0) return NO_QCI;
  return {
    available: true,
    flags,
    na: bytes[4],
    nd: bytes[5],
    apm: maskFromBytes(bytes, 0x10),
    aqm: maskFromBytes(bytes, 0x30),
    adm: maskFromBytes(bytes, 0x50),
    bytes,
  };
}

/** Whether two blocks have the same bytes: so the bus compares two scans. */
export function sameQci(a: QciInfo, b: QciInfo): boolean {
  for (let i = 0; i < 128; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}
