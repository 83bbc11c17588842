// SPDX-License-Identifier: Apache-2.0
// Finds usable queues in the simplest way, for programs without a driver: QCI, then one TAPQ for each APQN of the masks.
// Source: docs/reference/ap-architecture.md sections 4.2 and 5.3.

import { STFLE_QCI } from '../../../native-like/arch/facilities.ts';
import {
  MASK_BITS,
  MAX_ADAPTER_WITHOUT_APXA,
  MAX_DOMAIN_WITHOUT_APXA,
} from '../../../native-like/arch/limits.ts';
import { QCI_APM, QCI_AQM, QCI_BYTES } from '../../../native-like/arch/qci.ts';
import { type ApCpu, qci, tapq } from '../instructions.ts';
import { rc } from '../status.ts';

const IDS = MASK_BITS;

/** Guest address at which simple programs keep the QCI block. */
export const QCI_ADDRESS = 0x2000;
/** Number of instructions in one step of a simple program. */
export const STEP_INSTRUCTIONS = 256;

/** Progress of a search. It is plain data. */
export interface Search {
  /** Next APQN to look at; -1 before QCI. */
  next: number;
  /** APM and AQM from QCI. Without QCI, adapters up to 63 and domains up to 15 are on. */
  apm: Uint8Array;
  aqm: Uint8Array;
  /** The usable APQNs found so far, ascending. */
  found: number[];
}

export const createSearch = (): Search => ({
  next: -1,
  apm: new Uint8Array(IDS / 8).fill(0xff, 0, (MAX_ADAPTER_WITHOUT_APXA + 1) / 8),
  aqm: new Uint8Array(IDS / 8).fill(0xff, 0, (MAX_DOMAIN_WITHOUT_APXA + 1) / 8),
  found: [],
});

const has = (mask: Uint8Array, id: number): boolean => (mask[id >> 3] & (0x80 >> (id & 7))) !== 0;

const readMasks = (ap: ApCpu, search: Search, address: number): void => {
  search.next = 0;
  if (!ap.cpu.facility(STFLE_QCI) || qci(ap, address) !== 0) return;
  const block = ap.cpu.storage.slice(address, address + QCI_BYTES);
  search.apm = block.slice(QCI_APM, QCI_APM + IDS / 8);
  search.aqm = block.slice(QCI_AQM, QCI_AQM + IDS / 8);
};

/**
 * Continues a search for at most `instructions` instructions. `address` is that of 128 bytes of storage for QCI. Returns true when the
 * search is over.
 */
export const searchQueues = (
  ap: ApCpu,
  search: Search,
  address: number,
  instructions: number,
): boolean => {
  const limit = ap.executed + instructions;
  if (search.next < 0) readMasks(ap, search, address);
  while (search.next < IDS * IDS) {
    if (ap.executed >= limit) return false;
    const apqn = search.next++;
    if (!has(search.apm, apqn >> 8)) {
      search.next = ((apqn >> 8) + 1) << 8;
      continue;
    }
    if (!has(search.aqm, apqn & 0xff)) continue;
    if (rc(tapq(ap, apqn, false)) === 0 && ap.programInterruption === 0) search.found.push(apqn);
  }
  return true;
};
