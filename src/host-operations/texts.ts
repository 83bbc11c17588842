// SPDX-License-Identifier: Apache-2.0
// Texts for files that take numbers, masks and lists of masks: forms of a right one, and malformed ones.
// Source: docs/reference/vfio-ap.md sections 3.2 to 3.7 (what each file takes).
import { maskOf, maskText as textOfMask } from '../ap-bus/mask.ts';
import type { Random } from '../lpar/random.ts';

const BITS = 256;

/** A number in one of the forms in which users write it. */
export const numberText = (random: Random, number: number): string =>
  random.pick([
    `${number}`,
    `0x${number.toString(16)}`,
    `${number}\n`,
    `0X${number.toString(16).toUpperCase()}\n`,
    `0${number.toString(8)}\n`,
    `+${number}\n`,
  ]);

/** A mask of 256 bits, the leftmost one being number 0. */
export const maskText = (numbers: readonly number[]): string => textOfMask(maskOf(numbers));

export const ALL_ONES = `0x${'f'.repeat(BITS / 4)}`;

/** A relative mask, such as `+5,-0x47`. */
export const relativeMask = (random: Random, numbers: readonly number[]): string =>
  Array.from({ length: 1 + random.below(3) }, () => {
    const number = random.pick(numbers);
    const which = random.pick([
      `${number}`,
      `0x${number.toString(16)}`,
      '0-255',
      '5-10',
      '0x40-0x50',
    ]);
    return `${random.pick(['+', '-'])}${which}`;
  }).join(',');

export const BAD_NUMBERS: readonly string[] = [
  '',
  '\n',
  ' 5\n',
  '5 \n',
  '5x\n',
  '-1\n',
  '0x\n',
  '08\n',
  '0x1ffffffffffffffff\n',
  'five\n',
  '5,6\n',
  '+-5\n',
  '5\n\n',
  '\n5\n',
  '5\0',
  '5\n\0',
  '\0',
  '256\n',
  '18446744073709551615\n',
  '18446744073709551616\n',
  '4294967301\n',
  '1e1\n',
  '5.0\n',
  '5\t\n',
  '0b101\n',
  'a\n',
  '5\r\n',
  `${'0'.repeat(4000)}5\n`,
  `5${' '.repeat(4095)}`,
];

export const BAD_MASKS: readonly string[] = [
  '',
  '\n',
  '0x\n',
  '0xffff\n',
  '+256\n',
  '+5-4\n',
  '5\n',
  '+\n',
  '-\n',
  '+5,\n',
  ',+5\n',
  '+5,,-6\n',
  '+5 -6\n',
  '+ 5\n',
  '+5 \n',
  '+5;-6\n',
  '+0x\n',
  '+05\n',
  '+5-\n',
  '+-5\n',
  '+5-300\n',
  '-0-0\n',
  '+5\n-6\n',
  '+5\0-6',
  `0x${'f'.repeat(65)}\n`,
  `0x${'f'.repeat(66)}`,
  `${'f'.repeat(64)}\n`,
  `0X${'f'.repeat(64)}\n`,
  '0xg\n',
  '0xfg\n',
  `0x${'F'.repeat(64)}`,
  '++5\n',
  '+0x5-0x6\n',
  '+0xFF\n',
  '+1-2-3\n',
  `+${'0'.repeat(3000)}5\n`,
  `-5${',-5'.repeat(1300)}\n`,
];

export const BAD_CONFIGS: readonly string[] = [
  '',
  '\n',
  ',,\n',
  '0x\n',
  '0x,0x,0x\n',
  '0xzz,0x,0x\n',
  '0x80,0x80\n',
  '0xff,0xff,0xff,0xff\n',
  '0x04,0x08,0x08,\n',
  ',0x04,0x08\n',
  '04,08,08\n',
  '0x04, 0x08,0x08\n',
  '0X04,0x08,0x08\n',
  '0x4,0x8,0x8\n',
  '0x0400,0x0800,0x\n',
  `${ALL_ONES},${ALL_ONES},${ALL_ONES}\n`,
  `0x${'0'.repeat(65)},0x0,0x0\n`,
  '0x04,0x08,0x08\nx',
  '0x04\n,0x08,0x08',
  '-1,0x,0x\n',
  '+5,+4,+4\n',
  '0x04,0x08,0x08\0',
  '0x04 0x08 0x08\n',
  '0x04;0x08;0x08\n',
  '0x04,0x08,0xG\n',
  '0x00,0x00,0x00\n',
  '0x04,0x00,0x00\n',
  `0x${'0'.repeat(4080)}4,0x,0x`,
];
