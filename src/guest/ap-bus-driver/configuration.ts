// SPDX-License-Identifier: Apache-2.0
// The configuration that the bus works with: the last QCI block.
// Source: docs/reference/ap-architecture.md section 4.2.

import { STFLE_QCI } from '../../../native-like/arch/facilities.ts';
import { QCI_BYTES, QCI_FLAG_B } from '../../../native-like/arch/qci.ts';
import { qci } from '../instructions.ts';
import type { Bus } from './bus.ts';

/** QCI flags word of the last block; 0 without QCI. */
export const qciFlags = (bus: Bus): number => {
  const block = bus.state.qci;
  return (block[0] << 24) | (block[1] << 16) | (block[2] << 8) | block[3];
};

/** Whether the bind functions of secure execution exist (flag B). */
export const bindAvailable = (bus: Bus): boolean =>
  bus.kernel.secureBind && (qciFlags(bus) & QCI_FLAG_B) !== 0;

/** Whether an id is on in a mask of the QCI block. Without QCI every id is tried. */
export const permitted = (bus: Bus, mask: number, id: number): boolean => {
  const { qci: block } = bus.state;
  if (qciFlags(bus) === 0) return true;
  return (block[mask + (id >> 3)] & (0x80 >> (id & 7))) !== 0;
};

/** Reads the configuration. Returns whether a byte of it changed. */
export const fetchConfiguration = (bus: Bus): boolean => {
  const { state, storage } = bus;
  if (!bus.ap.cpu.facility(STFLE_QCI)) return false;
  if (qci(bus.ap, state.qciAddress) !== 0) return false;
  let changed = false;
  for (let i = 0; i < QCI_BYTES; i++) {
    const byte = storage[state.qciAddress + i];
    if (byte !== state.qci[i]) {
      state.qci[i] = byte;
      changed = true;
    }
  }
  return changed;
};
