// SPDX-License-Identifier: Apache-2.0
// Boots one guest for a test and takes it down again whatever happens.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import type { ApService } from '../../../src/qemu/ap-service.ts';
import type { LaunchOptions } from '../../../src/qemu/arguments.ts';
import { GuestConsole, SCRIPT_CONSOLE } from '../../../src/qemu/console.ts';
import type { GuestImage } from '../../../src/qemu/guest-image/build.ts';
import { type CpioEntry, cpioArchive, MODE_PROGRAM } from '../../../src/qemu/guest-image/cpio.ts';
import { Poller } from '../../../src/qemu/poller.ts';
import { bootGuest, type ServedGuest, type ServeOptions } from '../../../src/qemu/serve.ts';

export const BOOT_MS = 120_000;

/** A booted guest of a test. */
export interface TestGuest extends ServedGuest {
  readonly console: GuestConsole;
  readonly poller: Poller;
  readonly lines: string[];
  /** Runs a command, expects status 0 and gives its output. */
  sh(command: string, timeoutMs?: number): Promise<string>;
}

/** Boots a guest image; init reads commands when this returns. */
export async function bootLinux(
  service: ApService,
  image: GuestImage,
  options: Partial<LaunchOptions> & ServeOptions & { poller?: Poller } = {},
): Promise<TestGuest> {
  const poller = options.poller ?? new Poller();
  const lines: string[] = [];
  const append = `${SCRIPT_CONSOLE} ${options.append ?? ''}`.trim();
  const log = (line: string) => lines.push(line);
  const guest = await bootGuest(
    service,
    poller,
    { ...image, ...options, append },
    { ...options, log },
  );
  const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
  try {
    await console.ready(BOOT_MS);
  } catch (error) {
    await guest.close();
    throw error;
  }
  const sh = async (command: string, timeoutMs?: number) => {
    const { status, output } = await console.run(command, timeoutMs);
    if (status !== 0) throw new Error(`${command}: status ${status}\n${output}`);
    return output;
  };
  return { ...guest, console, poller, lines, sh };
}

/** What several tests of a file use one after the other; after a test that failed the next one, or its second try, gets a new one. */
export function shared<T extends { close(): Promise<void> }>(make: () => Promise<T>) {
  let made: T | undefined;
  const drop = async () => {
    await made?.close();
    made = undefined;
  };
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await drop();
  });
  afterAll(drop);
  return async () => {
    made ??= await make();
    return made;
  };
}

/** The image with more files: an initramfs may be several archives one after the other. */
export function withFiles(image: GuestImage, entries: readonly CpioEntry[]) {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-initrd-'));
  const initrd = join(folder, 'initrd');
  writeFileSync(initrd, Buffer.concat([readFileSync(image.initrd), cpioArchive(entries)]));
  return {
    image: { ...image, initrd },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A program that executes one instruction in the problem state and ends: an ELF file of one page. */
export function instructionProgram(path: string, instruction: number): CpioEntry {
  const base = 0x1000000n;
  const elf = Buffer.alloc(0x40 + 0x38 + 12);
  const start = BigInt(0x40 + 0x38);
  Buffer.from('7f454c4602020100', 'hex').copy(elf);
  elf.writeUInt16BE(2, 0x10); // executable
  elf.writeUInt16BE(22, 0x12); // EM_S390
  elf.writeUInt32BE(1, 0x14);
  elf.writeBigUInt64BE(base + start, 0x18);
  elf.writeBigUInt64BE(0x40n, 0x20);
  elf.writeUInt16BE(0x40, 0x34);
  elf.writeUInt16BE(0x38, 0x36);
  elf.writeUInt16BE(1, 0x38);
  elf.writeUInt32BE(1, 0x40); // PT_LOAD
  elf.writeUInt32BE(5, 0x44); // read, execute
  elf.writeBigUInt64BE(base, 0x50);
  elf.writeBigUInt64BE(base, 0x58);
  elf.writeBigUInt64BE(BigInt(elf.length), 0x60);
  elf.writeBigUInt64BE(BigInt(elf.length), 0x68);
  elf.writeBigUInt64BE(0x1000n, 0x70);
  elf.writeUInt32BE(instruction, Number(start));
  elf.writeUInt32BE(0xa7290000, Number(start) + 4); // lghi %r2,0
  elf.writeUInt16BE(0x0a01, Number(start) + 8); // svc exit
  return { path, mode: MODE_PROGRAM, data: elf };
}
