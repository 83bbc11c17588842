// SPDX-License-Identifier: Apache-2.0
// The guest side of a mailbox, played by a test: what the hook routine stores and what it finds.

import { LOWCORE, MAILBOX } from '../../../src/qemu/hook-layout.ts';
import { InterruptionDelivery } from '../../../src/qemu/interruptions.ts';
import { LowcoreHook } from '../../../src/qemu/lowcore.ts';
import { MailboxLoop } from '../../../src/qemu/mailbox.ts';
import { GuestPause } from '../../../src/qemu/pause.ts';
import type { Monitor } from '../../../src/qemu/qmp.ts';
import type { Command, Returned } from '../../../src/qemu/qmp-schema.ts';
import type { GuestRam } from '../../../src/qemu/ram.ts';
import { QemuStorage } from '../../../src/qemu/storage.ts';
import { StubService } from './stub-service.ts';

/** Where test instructions stand. */
export const INSTRUCTION_AT = 0x30000;
export const PREFIX = 0x20000;

/** Everything the loop needs, with a monitor that records what it is asked. */
export function station(ram: GuestRam, cpus = 1) {
  const asked: string[] = [];
  /** What the monitor tells of each CPU. */
  const registers = Array.from({ length: cpus }, () => ({
    state: 'operating',
    mask: 0x0200000180000000n,
    cr6: 0x02000000,
  }));
  /** Somebody else has stopped it when it does not run. */
  const held = { running: true };
  const answers: Record<string, () => unknown> = {
    'query-status': () => ({
      running: held.running && asked.at(-2) !== 'stop',
      status: held.running && asked.at(-2) !== 'stop' ? 'running' : 'paused',
    }),
    'query-cpus-fast': () =>
      registers.map(({ state }, i) => ({ 'cpu-index': i, 'cpu-state': state })),
    'human-monitor-command info registers -a': () => registersText(registers),
  };
  const qmp: Monitor = {
    execute<C extends Command>(command: C, args?: Record<string, unknown>) {
      const line = String(args?.['command-line'] ?? '');
      asked.push(
        [command, line, args?.['cpu-index']].filter((part) => part || part === 0).join(' '),
      );
      return Promise.resolve((answers[asked.at(-1)!]?.() ?? '') as Returned<C>);
    },
  };
  const hook = new LowcoreHook(ram, 'bare');
  const service = new StubService();
  const storage = new QemuStorage(ram);
  service.connect(storage);
  const parts = { ram, hook, storage, service, qmp, pause: new GuestPause(qmp) };
  const interruptions = new InterruptionDelivery(parts);
  const loop = new MailboxLoop(parts, interruptions, cpus);
  return { asked, held, registers, hook, service, storage, interruptions, loop };
}

/** The text QEMU prints for `info registers -a`, as far as it is read. */
function registersText(cpus: readonly { mask: bigint; cr6: number }[]): string {
  const hex = (value: bigint | number) => value.toString(16).padStart(16, '0');
  return cpus
    .map(({ mask, cr6 }, i) =>
      [`\r\nCPU#${i}`, `PSW=mask ${hex(mask)} addr ${hex(0)} cc 00`, `C06=${hex(cr6)}`, ''].join(
        '\r\n',
      ),
    )
    .join('\r\n');
}

/** Stores a request as the hook does. */
export function request(
  ram: GuestRam,
  mailbox: number,
  what: {
    instruction: number;
    gr?: Record<number, bigint>;
    mask?: bigint;
    cr6?: number;
    ilc?: number;
    address?: number;
  },
): void {
  const box = Buffer.alloc(MAILBOX.MB_ARMED);
  ram.read(mailbox, box);
  const ilc = what.ilc ?? 4;
  const address = what.address ?? INSTRUCTION_AT;
  ram.writeWord(INSTRUCTION_AT, what.instruction);
  for (let n = 0; n < 16; n++) box.writeBigUInt64BE(what.gr?.[n] ?? 0n, MAILBOX.MB_GR + 8 * n);
  box.writeBigUInt64BE(what.mask ?? 0x0000000180000000n, MAILBOX.MB_PSW);
  box.writeBigUInt64BE(BigInt(address + ilc), MAILBOX.MB_PSW + 8);
  box.writeUInt32BE(what.cr6 ?? 0, MAILBOX.MB_CR + 6 * 8 + 4);
  box.writeUInt32BE(PREFIX, MAILBOX.MB_PREFIX);
  box.writeUInt32BE((ilc << 16) | 1, MAILBOX.MB_ILC_AND_CODE);
  box.writeUInt32BE(box.readUInt32BE(MAILBOX.MB_REQUEST) + 1, MAILBOX.MB_REQUEST);
  ram.writeWord(PREFIX + LOWCORE.LC_ILC_AND_CODE, (ilc << 16) | 1);
  ram.writeWord(PREFIX + LOWCORE.LC_PGM_OLD + 12, address + ilc);
  ram.write(mailbox, box);
}

/** Reads what the hook would find. */
export function answer(ram: GuestRam, mailbox: number) {
  const box = Buffer.alloc(MAILBOX.MB_ARMED);
  ram.read(mailbox, box);
  return {
    answered: box.readUInt32BE(MAILBOX.MB_ANSWER) === box.readUInt32BE(MAILBOX.MB_REQUEST),
    action: box.readUInt32BE(MAILBOX.MB_ACTION),
    gr: (n: number) => box.readBigUInt64BE(MAILBOX.MB_GR + 8 * n),
    cc: (box.readUInt32BE(MAILBOX.MB_PSW) >>> 12) & 3,
    code: ram.readWord(PREFIX + LOWCORE.LC_ILC_AND_CODE) & 0xffff,
    oldAddress: ram.readWord(PREFIX + LOWCORE.LC_PGM_OLD + 12),
  };
}
