// SPDX-License-Identifier: Apache-2.0
// The guest that measures TAPQ, as a file that QEMU can load: the bytes of tapq-loop.S after a lowcore with an IPL PSW.
// Source: QEMU hw/s390x/ipl.c (a raw image is loaded at absolute zero and starts at the address of its short IPL PSW).

/** Bytes of tapq-loop.S. */
export const TAPQ_LOOP = [
  'a7893000e34080000016c05f00100000e30080080016b2058010b2af0000b205',
  '8018e36080180004e3608010000b50605000a75b0004a747ffede54c80000000',
  'c01000000008b2b2100007070707070700020001800000000000000000000000',
].join('');

const CODE = 0x2000;
const DATA = 0x3000;

/** Address at which the guest writes its times: a word for each, in TOD units. */
export const TAPQ_TIMES_AT = 0x100000;
/** Address of the count, which is zero when the guest is done. */
export const TAPQ_COUNT_AT = DATA;

/** The image of a guest that executes TAPQ `count` times on queue `apqn`. */
export function tapqImage(count: number, apqn: number): Buffer {
  const image = Buffer.alloc(DATA + 16);
  image.writeUInt32BE(0x00080000, 0);
  image.writeUInt32BE(0x80000000 + CODE, 4);
  // Program-new PSW: a disabled wait, so that an unexpected exception ends the guest. It is hooked before the guest starts.
  image.writeUInt32BE(0x00020001, 0x1d0);
  image.writeUInt32BE(0x80000000, 0x1d4);
  image.writeUInt32BE(0xdead, 0x1dc);
  Buffer.from(TAPQ_LOOP, 'hex').copy(image, CODE);
  image.writeUInt32BE(count, DATA);
  image.writeUInt32BE(0x00800000 + apqn, DATA + 12);
  return image;
}
