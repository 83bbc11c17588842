// SPDX-License-Identifier: Apache-2.0
// Kernels of a few instructions that end in a given way, as raw images QEMU loads at absolute zero.
// Source: z/Architecture (formats of the instructions), QEMU target/s390x (what a disabled wait and a stopped last CPU mean).

const CODE_AT = 0x2000;
const IO_HANDLER_AT = 0x2100;
/** In the lowcore, where neither the architecture nor the hook has anything. */
const END_PSW_AT = 0x300;
const CR6_AT = 0x310;
const PSW_AT = 0x320;

const LPSWE = (at) => `b2b20${at.toString(16)}`;
const LLILF = (register, value) => `c0${register.toString(16)}f${word(value)}`;
const word = (value) => (value >>> 0).toString(16).padStart(8, '0');
const TAPQ = 'b2af0000';
/** Branches to itself as often as R4 says, then goes on. */
const SPIN = 'a7470000';

/** How a kernel ends: its last instructions, the address of the disabled wait, and what is told of it; undefined: nothing is wrong. */
export const ENDINGS = {
  panic: { code: LPSWE(END_PSW_AT), wait: 0xdead, told: 'the guest has panicked' },
  shutdown: { code: LPSWE(END_PSW_AT), wait: 0xfff, told: undefined },
  // SIGP stop to itself.
  stop: { code: 'a7390000ae030005a7f40000', wait: 0, told: undefined },
  // DIAGNOSE 0x308 subcode 3: load again, which ends QEMU without --reboot.
  reset: { code: 'a739000383130308a7f40000', wait: 0, told: undefined },
  // The guest that runs this never ends by itself.
  endless: { code: 'a7f40000', wait: 0, told: undefined },
};

/**
 * @param ending a name of ENDINGS
 * @param options spins: how long it runs before; instructions: TAPQs before; enabled: it can take interruptions meanwhile
 */
export function endingKernel(ending, { spins = 1, instructions = 0, enabled = false } = {}) {
  const image = Buffer.alloc(0x3000);
  const psw = (at, mask, address) => {
    image.writeUInt32BE(mask, at);
    image.writeUInt32BE(0x80000000, at + 4);
    image.writeUInt32BE(address, at + 12);
  };
  image.writeUInt32BE(0x00080000, 0);
  image.writeUInt32BE(0x80000000 + CODE_AT, 4);
  psw(0x1d0, 0x00020001, 0xbad);
  psw(0x1f0, 0x00000001, IO_HANDLER_AT);
  psw(END_PSW_AT, 0x00020001, ENDINGS[ending].wait);
  image.writeUInt32BE(0xff000000, CR6_AT + 4);
  const begin = [`eb660${CR6_AT.toString(16)}002f`, LPSWE(PSW_AT)];
  const work = [LLILF(0, 0x0504), TAPQ.repeat(instructions), LLILF(4, spins), SPIN];
  const beginBytes = Buffer.from(begin.join(''), 'hex');
  psw(PSW_AT, enabled ? 0x02000001 : 0x00000001, CODE_AT + beginBytes.length);
  const code = Buffer.from([...begin, ...work, ENDINGS[ending].code].join(''), 'hex');
  code.copy(image, CODE_AT);
  // The I/O handler goes back to what it interrupted.
  Buffer.from(LPSWE(0x170), 'hex').copy(image, IO_HANDLER_AT);
  return image;
}
