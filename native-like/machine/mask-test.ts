// SPDX-License-Identifier: Apache-2.0
// Tests of ids and APQNs against mask words of the image, for code off the instruction path (the instruction path has its own test).
// Source: docs/reference/ap-architecture.md section 4.3 (id n is bit n from the left).
import type { MachineImage } from './image.ts';
import { MASK_AQM } from './layout.ts';

/** Whether the mask whose words begin at word `words` has `id` on; false for a number that is not 0 to 255. */
export const hasBit = (image: MachineImage, words: number, id: number): boolean =>
  id >= 0 && id < 256 && ((image.word(words + (id >>> 5)) << (id & 31)) | 0) < 0;

/**
 * Whether the masks record at word `masks` lets its program use an APQN: the APM bit of its adapter and the AQM bit of its domain are on.
 */
export const permits = (image: MachineImage, masks: number, apqn: number): boolean =>
  hasBit(image, masks, apqn >>> 8) && hasBit(image, masks + MASK_AQM, apqn & 0xff);
