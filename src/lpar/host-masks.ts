// SPDX-License-Identifier: Apache-2.0
// The host's own masks in the image: adapters, usage domains and control domains of the partition's profile.
// Source: docs/reference/ap-architecture.md sections 2.4 and 6.3.
import { deriveEffectiveMasks } from '../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { ADM_WORDS, MASK_AQM, MASK_WORDS } from '../../native-like/machine/layout.ts';

const setBit = (words: Int32Array, base: number, bit: number, on: boolean): void => {
  const mask = 0x80000000 >>> (bit & 31);
  const index = base + (bit >>> 5);
  words[index] = on ? words[index] | mask : words[index] & ~mask;
};

/** Writes the host's masks, and derives from them what every guest can reach. */
export const writeHostMasks = (
  image: MachineImage,
  adapters: Iterable<number>,
  usageDomains: Iterable<number>,
  controlDomains: Iterable<number>,
): void => {
  const { i32 } = image;
  const masks = image.masks(0);
  i32.fill(0, masks, masks + MASK_WORDS);
  i32.fill(0, image.adm(0), image.adm(0) + ADM_WORDS);
  for (const apid of adapters) setBit(i32, masks, apid, true);
  for (const domain of usageDomains) setBit(i32, masks + MASK_AQM, domain, true);
  for (const domain of controlDomains) setBit(i32, image.adm(0), domain, true);
  for (let guest = 1; guest < image.guests; guest++) deriveEffectiveMasks(image, guest);
};
