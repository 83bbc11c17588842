// SPDX-License-Identifier: Apache-2.0
// Handles what a test kernel does besides AP instructions and what must be right all the same: it sets its handlers at any time, in any
// lowcore, and asks for facilities and pending interruptions by instructions that QEMU itself would answer. QEMU's debug stub stops it at
// each such store and instruction. Source: z/Architecture (STORE FACILITY LIST, TEST PENDING INTERRUPTION, SET PREFIX, SIGNAL PROCESSOR).

import { ApemuError } from '../errors.ts';
import type { ApService } from './ap-service.ts';
import type { Attachment } from './attach.ts';
import { WATCHED } from './bare-lowcores.ts';
import { askForDescription, breakpoint, DebugStub } from './debug-stub.ts';
import { LOWCORE, PREFIX_LIMIT } from './hook-layout.ts';
import { findInstructions, lengthOf } from './kernel-code.ts';
import type { GuestPause } from './pause.ts';
import type { GuestRam } from './ram.ts';
import { operand, type StoppedCpu } from './stopped-cpu.ts';
import { serveStops } from './stops.ts';

/** A guest that is watched. */
export interface TestKernel {
  readonly ram: GuestRam;
  readonly service: ApService;
  readonly attachment: Attachment;
  readonly pause: GuestPause;
  /** Number of CPUs it may have. */
  readonly cpus: number;
  /** The facilities concerning AP that it sees, as STFLE bit numbers. */
  readonly facilities: ReadonlySet<number>;
}

/** Facilities that are not left to QEMU. */
const AP_FACILITIES = [12, 15, 65, 76] as const;

/** SIGP orders. Source: z/Architecture, SIGNAL PROCESSOR. */
const SIGP_RESTART = 0x06;
const SIGP_SET_PREFIX = 0x0d;

/** A stop at a store, with its address. */
const WATCH = /;watch:([0-9a-f]+)/;
const PREFIX_MASK = 0x7fffe000;

/** One instruction that is handled: its first halfword, and what is done in place of it or around it. */
interface Row {
  readonly matches: (halfword: number) => boolean;
  readonly serve: (watch: KernelWatch, cpu: StoppedCpu, text: Buffer) => Promise<void>;
}

const isSignal = (halfword: number): boolean => halfword >>> 8 === 0xae;
const is = (opcode: number) => (halfword: number) => halfword === opcode;

const ROWS: readonly Row[] = [
  { matches: is(0xb2b0), serve: (watch, cpu, text) => watch.storeFacilityListExtended(cpu, text) },
  { matches: is(0xb2b1), serve: (watch, cpu) => watch.storeFacilityList(cpu) },
  { matches: is(0xb236), serve: (watch, cpu, text) => watch.testPending(cpu, text) },
  { matches: is(0xb210), serve: (watch, cpu, text) => watch.setPrefix(cpu, text) },
  { matches: isSignal, serve: (watch, cpu, text) => watch.signal(cpu, text) },
];

const rowOf = (halfword: number): Row | undefined => ROWS.find(({ matches }) => matches(halfword));

/**
 * Watches a guest that was not started yet, and starts it.
 *
 * @param path Unix socket of the debug stub
 * @param kernel the file that it runs
 * @param lost called when the stub has gone: a guest that stands still then is never started again
 * @throws ApemuError APEMU_ERR_QEMU_START if the stub has no watchpoints
 */
export async function watchTestKernel(
  path: string,
  kernel: Buffer,
  guest: TestKernel,
  lost: () => void,
): Promise<void> {
  const stub = await DebugStub.connect(path);
  await askForDescription(stub);
  const places = findInstructions(kernel, (halfword) => rowOf(halfword) !== undefined);
  const points = [
    ...WATCHED.map(([address, length]) => `Z2,${address.toString(16)},${length.toString(16)}`),
    ...places.map((address) => breakpoint('Z', address)),
  ];
  for (const point of points) {
    const answer = await stub.ask(point);
    if (answer === 'OK') continue;
    if (stub.gone) return lost();
    stub.close();
    const text = `QEMU's debug stub refuses a watchpoint (it answered ${answer}), which --hook bare needs`;
    throw new ApemuError('APEMU_ERR_QEMU_START', text);
  }
  new KernelWatch(stub, guest, findInstructions(kernel, isSignal))
    .run()
    .catch((error: Error) => guest.attachment.failed(error))
    .then(lost);
}

/** Follows the stops of one guest. */
class KernelWatch {
  readonly #stub: DebugStub;
  readonly #guest: TestKernel;
  /** Addresses of the SIGP instructions. */
  readonly #signals: number[];
  /** CPUs that run or have run. */
  readonly #running = new Set([0]);

  constructor(stub: DebugStub, guest: TestKernel, signals: number[]) {
    this.#stub = stub;
    this.#guest = guest;
    this.#signals = signals;
  }

  async run(): Promise<void> {
    this.#stub.send('c');
    const serve = async (cpu: StoppedCpu, packet: string): Promise<boolean> => {
      await this.#stopped(cpu, WATCH.exec(packet)?.[1]);
      return false;
    };
    await serveStops({ stub: this.#stub, pause: this.#guest.pause, serve });
  }

  async #stopped(cpu: StoppedCpu, watched: string | undefined): Promise<void> {
    if (watched !== undefined) {
      this.#guest.attachment.stored(this.#prefix(cpu), Number.parseInt(watched, 16));
      return;
    }
    const text = await cpu.read(await cpu.pswAddress(), 4);
    if (text.length === 4) await rowOf(text.readUInt16BE(0))?.serve(this, cpu, text);
    // Another CPU may have stopped at a store at the same moment, and only one stop is reported.
    this.#guest.attachment.look();
  }

  /** STFLE: the list as QEMU stores it, with the AP facilities as the machine has them. */
  async storeFacilityListExtended(cpu: StoppedCpu, text: Buffer): Promise<void> {
    const address = await operand(cpu, text);
    const room = Number((await cpu.gr(0)) & 0xffn) + 1;
    if (!(await cpu.step(lengthOf(text.readUInt16BE(0))))) return;
    const stored = Math.min(room, Number((await cpu.gr(0)) & 0xffn) + 1);
    const list = await cpu.read(address, 8 * stored);
    this.#setFacilities(list);
    await cpu.write(address, list);
  }

  /** STFL: stores the first word of the list at real address 200. */
  async storeFacilityList(cpu: StoppedCpu): Promise<void> {
    if (!(await cpu.step(4))) return;
    const { ram } = this.#guest;
    const word = Buffer.alloc(4);
    const at = this.#prefix(cpu) + LOWCORE.LC_FACILITY_LIST;
    ram.read(at, word);
    this.#setFacilities(word);
    ram.write(at, word);
  }

  #setFacilities(list: Buffer): void {
    for (const bit of AP_FACILITIES) {
      const byte = bit >>> 3;
      if (byte >= list.length) continue;
      const mask = 0x80 >>> (bit & 7);
      if (this.#guest.facilities.has(bit)) list[byte] |= mask;
      else list[byte] &= ~mask;
    }
  }

  /** TPI: takes an interruption of the machine if one is pending whose sub-class is enabled in CR6; otherwise QEMU executes it. */
  async testPending(cpu: StoppedCpu, text: Buffer): Promise<void> {
    const { service, ram } = this.#guest;
    const enabled = Number((await cpu.cr(6)) & 0xff000000n);
    const isc = service.pendingIsc(enabled);
    if (isc === -1) {
      await cpu.step(4);
      return;
    }
    const address = await operand(cpu, text);
    const code = Buffer.alloc(12);
    code.writeUInt32BE(service.takeInterruption(isc) >>> 0, 8);
    if (address === 0n) ram.write(this.#prefix(cpu) + LOWCORE.LC_IO_PARAMETERS, code);
    else await cpu.write(address, code.subarray(0, 8));
    await cpu.complete(4, 1);
  }

  /** SPX: puts the hook in front of the handlers in the new lowcore before the next instruction. */
  async setPrefix(cpu: StoppedCpu, text: Buffer): Promise<void> {
    const word = await cpu.read(await operand(cpu, text), 4);
    if (!(await cpu.step(4)) || word.length < 4) return;
    this.#setPrefix(cpu.address, word.readUInt32BE(0));
  }

  /**
   * SIGP: handles that a CPU gets its prefix from another CPU. Whatever the order, the CPU may start with handlers that were set since
   * the last look.
   */
  async signal(cpu: StoppedCpu, text: Buffer): Promise<void> {
    const order = Number((await operand(cpu, text)) & 0xffn);
    const registers = text[1];
    const target = Number((await cpu.gr(registers & 15)) & 0xffffn);
    const parameter = await cpu.gr((registers >>> 4) | 1);
    if (order === SIGP_SET_PREFIX) this.#setPrefix(target, Number(parameter & 0xffffffffn));
    else this.#guest.attachment.look();
    await cpu.step(4);
    if (order === SIGP_RESTART) await this.#started(target);
  }

  /**
   * Ends the handling of SIGP once every CPU has been started. QEMU 7.2 leaves a CPU hanging that is stopped and started again while the
   * guest is stopped at these instructions.
   */
  async #started(cpu: number): Promise<void> {
    this.#running.add(cpu);
    if (this.#running.size < this.#guest.cpus) return;
    for (const address of this.#signals.splice(0)) await this.#stub.ask(breakpoint('z', address));
  }

  #setPrefix(cpu: number, word: number): void {
    const prefix = word & PREFIX_MASK;
    if (prefix >= PREFIX_LIMIT) return;
    this.#guest.attachment.prefixed(cpu, prefix);
  }

  #prefix(cpu: StoppedCpu): number {
    return this.#guest.attachment.prefixOf(cpu.address);
  }
}
