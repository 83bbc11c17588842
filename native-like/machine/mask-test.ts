// SPDX-License-Identifier: Apache-2.0
// Tests of ids and APQNs against mask words of the image, for who is not on the instruction path (which has its own, folded).
// Source: docs/reference/ap-architecture.md section 4.3 (id n is bit n from the left).
import type { MachineImage } from './image.ts';
import { MASK_AQM } from './layout.ts';

/** Whether id 0 to 255 is in the mask whose words begin at word `words`; of any other number it is not. */
export const hasBit = (image: MachineImage, words: number, id: number): boolean =>
  id >= 0 && id < 256 && ((image.word(words + (id >>> 5)) << (id & 31)) | 0) < 0;

/** Whether a masks record (word `masks`) lets its program use an APQN: the adapter's bit of the APM and the domain's of the AQM. */
export const permits = (image: MachineImage, masks: number, apqn: number): boolean =>
  hasBit(image, masks, apqn >>> 8) && hasBit(image, masks + MASK_AQM, apqn & 0xff);
