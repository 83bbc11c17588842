// SPDX-License-Identifier: Apache-2.0
// A CPU that the debug stub has stopped: its registers, its storage as it sees it, and one step.
// Source: docs/reference/qemu-attach.md section 8 (numbers of the registers; addresses are those of the selected CPU).

import type { DebugStub } from './debug-stub.ts';

/** Numbers of registers in the stub's target description. */
const REGISTER = { pswMask: 0, pswAddress: 1, gr: 2, cr: 87 } as const;

/** The CPU of the last stop. */
export class StoppedCpu {
  /** CPU address. */
  readonly address: number;
  readonly #stub: DebugStub;

  constructor(stub: DebugStub, address: number) {
    this.#stub = stub;
    this.address = address;
  }

  pswAddress(): Promise<bigint> {
    return this.#register(REGISTER.pswAddress);
  }

  gr(n: number): Promise<bigint> {
    return this.#register(REGISTER.gr + n);
  }

  cr(n: number): Promise<bigint> {
    return this.#register(REGISTER.cr + n);
  }

  /** Goes on behind an instruction of `length` bytes with a condition code, as if it had been executed. */
  async complete(length: number, cc: number): Promise<void> {
    const mask = await this.#register(REGISTER.pswMask);
    const address = await this.pswAddress();
    const withCc = (mask & ~(3n << 44n)) | (BigInt(cc) << 44n);
    await this.#stub.ask(`P${REGISTER.pswMask.toString(16)}=${hex(withCc)}`);
    await this.#stub.ask(`P${REGISTER.pswAddress.toString(16)}=${hex(address + BigInt(length))}`);
  }

  /** Bytes at an address of this CPU; empty when it cannot be read. */
  async read(address: bigint, length: number): Promise<Buffer> {
    const answer = await this.#stub.ask(`m${address.toString(16)},${length.toString(16)}`);
    // An error is `E` and two digits, of which the decoder would make a byte.
    return Buffer.from(/^E..$/.test(answer) ? '' : answer, 'hex');
  }

  async write(address: bigint, bytes: Buffer): Promise<void> {
    const place = `${address.toString(16)},${bytes.length.toString(16)}`;
    await this.#stub.ask(`M${place}:${bytes.toString('hex')}`);
  }

  /**
   * Executes the instruction it stands at.
   *
   * @returns false when it did not come to the next one: a program interruption, an interruption, an end
   */
  async step(length: number): Promise<boolean> {
    const before = await this.pswAddress();
    // The other CPUs stay where they are: one that stops in the same moment would not be told of.
    const stop = await this.#stub.ask(`vCont;s:${(this.address + 1).toString(16)}`);
    return stop.startsWith('T05') && (await this.pswAddress()) === before + BigInt(length);
  }

  async #register(n: number): Promise<bigint> {
    const text = await this.#stub.ask(`p${n.toString(16)}`);
    return /^[0-9a-f]+$/.test(text) ? BigInt(`0x${text}`) : 0n;
  }
}

const STOPPED = /^T05thread:(?:p[0-9a-f]+\.)?([0-9a-f]+);/;

/** Address of the CPU that a packet of the stub says has stopped; undefined for a packet that says something else. */
export function stoppedThread(packet: string): number | undefined {
  const thread = STOPPED.exec(packet)?.[1];
  return thread === undefined ? undefined : Number.parseInt(thread, 16) - 1;
}

/** The second operand of an instruction of format S or RS: base and displacement in its second halfword. */
export async function operand(cpu: StoppedCpu, text: Buffer): Promise<bigint> {
  const place = text.readUInt16BE(2);
  const base = place >>> 12;
  const value = base === 0 ? 0n : await cpu.gr(base);
  return BigInt.asUintN(64, value + BigInt(place & 0xfff));
}

const hex = (value: bigint): string => BigInt.asUintN(64, value).toString(16).padStart(16, '0');
