// SPDX-License-Identifier: Apache-2.0
// Adapter interruptions: with an answer, by a restart, and not at all while masked.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOWCORE, MAILBOX } from '../../src/qemu/hook-layout.ts';
import type { GuestRam } from '../../src/qemu/ram.ts';
import { answer, PREFIX, request, station } from './support/hooked-cpu.ts';
import { testRam } from './support/memory.ts';

const IO_ENABLED = 0x0200000180000000n;
const IO_DISABLED = 0x0000000180000000n;
const ISC6 = 0x02000000;
const RESUME = 0;
const IO = 2;

let ram: GuestRam;
let parts: ReturnType<typeof station>;
beforeEach(() => {
  ram = testRam();
  parts = station(ram, 2);
  parts.hook.install(1000);
});
afterEach(() => ram.close());

/** Plays the restart hook of a CPU: stores the interrupted PSW, gives the number of the request. */
function restarted(cpu: number, mask: bigint, cr6: number): void {
  const mailbox = parts.hook.mailbox(cpu);
  const box = Buffer.alloc(0x200);
  ram.read(mailbox, box);
  box.writeBigUInt64BE(mask, MAILBOX.MB_RST_PSW);
  box.writeBigUInt64BE(0x123456n, MAILBOX.MB_RST_PSW + 8);
  box.writeUInt32BE(cr6, MAILBOX.MB_RST_CR + 6 * 8 + 4);
  box.writeUInt32BE(PREFIX, MAILBOX.MB_RST_PREFIX);
  box.writeUInt32BE(0, MAILBOX.MB_ARMED);
  box.writeUInt32BE(box.readUInt32BE(MAILBOX.MB_RST_REQUEST) + 1, MAILBOX.MB_RST_REQUEST);
  ram.write(mailbox, box);
}

const field = (cpu: number, at: number) => ram.readWord(parts.hook.mailbox(cpu) + at);

describe('with the answer to an instruction', () => {
  it.each([
    ['is taken when PSW and CR6 enable it', IO_ENABLED, ISC6, IO],
    ['waits when PSW bit 6 is zero', IO_DISABLED, ISC6, RESUME],
    ['waits when its bit of CR6 is zero', IO_ENABLED, 0xfd000000, RESUME],
  ])('an interruption %s', (_what, mask, cr6, action) => {
    parts.service.pending = ISC6;
    request(ram, parts.hook.mailbox(0), { instruction: 0xb2af0000, gr: { 0: 0x504n }, mask, cr6 });
    parts.loop.poll();
    expect(answer(ram, parts.hook.mailbox(0)).action).toBe(action);
    expect(parts.service.pending).toBe(action === IO ? 0 : ISC6);
    expect(ram.readWord(PREFIX + LOWCORE.LC_IO_WORD)).toBe(action === IO ? 0xb0000000 : 0);
  });

  it('the highest-priority one comes first, with the PSW behind the instruction as old PSW', () => {
    parts.service.pending = 0x06000000;
    const mailbox = parts.hook.mailbox(0);
    const gr = { 0: 0x747n };
    request(ram, mailbox, { instruction: 0xb2af0000, gr, mask: IO_ENABLED, cr6: 0xff000000 });
    parts.loop.poll();
    expect(ram.readWord(PREFIX + LOWCORE.LC_IO_WORD)).toBe(0xa8000000);
    expect(ram.readWord(PREFIX + LOWCORE.LC_IO_OLD)).toBe(0x02003001);
    expect(ram.readWord(PREFIX + LOWCORE.LC_IO_OLD + 12)).toBe(0x30004);
    expect(parts.service.pending).toBe(ISC6);
  });
});

/** Lets everything that was asked be answered. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What is asked when a CPU is looked for, and when one is restarted while the guest stands still. */
const LOOK = ['query-cpus-fast', 'human-monitor-command info registers -a'];
const HOLD = ['query-status', 'stop', 'query-status'];
const restart = (cpu: number) => [...HOLD, ...LOOK, `human-monitor-command nmi ${cpu}`, 'cont'];

describe('by a restart', () => {
  beforeEach(() => {
    parts.service.pending = ISC6;
  });
  async function turn(nowMs: number): Promise<void> {
    parts.interruptions.turn(nowMs);
    await settle();
  }

  it('holds the guest, arms the mailbox of a CPU that can take it, restarts it and lets the guest go on', async () => {
    await turn(1);
    expect(parts.asked).toEqual(restart(0));
    expect(field(0, MAILBOX.MB_ARMED)).toBe(1);
    restarted(0, IO_ENABLED, ISC6);
    expect(parts.loop.poll()).toBe(1);
    expect(field(0, MAILBOX.MB_RST_ACTION)).toBe(IO);
    expect(ram.readWord(PREFIX + LOWCORE.LC_IO_OLD + 12)).toBe(0x123456);
    expect(ram.readWord(PREFIX + LOWCORE.LC_IO_WORD)).toBe(0xb0000000);
    expect(parts.interruptions.counts).toMatchObject({ restart: 1, retries: 0 });
    expect(parts.interruptions.busy).toBe(false);
  });

  // B9: adapter interruptions float
  it.each([
    ['is stopped', { state: 'stopped' }],
    ['loads', { state: 'load' }],
    ['is masked by its PSW', { mask: IO_DISABLED }],
    ['has other sub-classes enabled', { cr6: 0xfd000000 }],
  ])('goes to the second CPU when the first one %s', async (_what, change) => {
    Object.assign(parts.registers[0], change);
    await turn(1);
    expect(parts.asked).toEqual(restart(1));
    expect(field(0, MAILBOX.MB_ARMED)).toBe(0);
    expect(field(1, MAILBOX.MB_ARMED)).toBe(1);
  });

  it('leaves a guest alone that nobody can take it in, looks again ever more rarely, and never at CPUs that run', async () => {
    for (const cpu of parts.registers) cpu.cr6 = 0;
    await turn(1);
    expect(parts.asked).toEqual([...HOLD, ...LOOK, 'cont']);
    parts.asked.length = 0;
    let ms = 1;
    for (; ms < 500; ms++) await turn(ms);
    const once = [...HOLD, ...LOOK, 'cont'];
    const looks = parts.asked.length / once.length;
    expect(parts.asked).toEqual(Array.from({ length: looks }, () => once).flat());
    expect(looks).toBeLessThan(40);
    parts.asked.length = 0;
    parts.registers[1].cr6 = ISC6;
    for (; ms < 525; ms++) await turn(ms);
    expect(parts.asked).toEqual(restart(1));
  });

  it('tries again soon when the CPU was masked before the restart came', async () => {
    await turn(1);
    restarted(0, IO_DISABLED, ISC6);
    parts.loop.poll();
    expect(field(0, MAILBOX.MB_RST_ACTION)).toBe(RESUME);
    expect(parts.service.pending).toBe(ISC6);
    parts.asked.length = 0;
    await turn(1.1);
    expect(parts.asked).toEqual([]);
    await turn(2);
    expect(parts.asked).toEqual(restart(0));
  });

  it('does not restart a guest that somebody holds, and does not set it going', async () => {
    parts.held.running = false;
    await turn(1);
    expect(parts.asked).toEqual(HOLD);
  });

  it('never has two under way', async () => {
    await turn(1);
    await turn(50);
    expect(parts.asked).toEqual(restart(0));
  });

  it('shows the guest its own restart-new PSW before and after', async () => {
    const own = () => ram.readWord(LOWCORE.LC_RESTART_NEW + 12);
    ram.writeWord(LOWCORE.LC_RESTART_NEW + 12, 0x4444);
    await turn(1);
    expect(own()).not.toBe(0x4444);
    restarted(0, IO_ENABLED, ISC6);
    parts.loop.poll();
    expect(own()).toBe(0x4444);
  });

  it('tries again when it met the hook itself', async () => {
    parts.loop.poll();
    await turn(1);
    ram.writeWord(parts.hook.mailbox(0) + MAILBOX.MB_ARMED, 0);
    ram.writeWord(parts.hook.mailbox(0) + MAILBOX.MB_RST_NESTED, 1);
    parts.loop.poll();
    expect(parts.interruptions.counts.retries).toBe(1);
    parts.asked.length = 0;
    await turn(10);
    expect(parts.asked).toEqual(restart(0));
  });

  it('asks nobody when nothing is pending', async () => {
    parts.service.pending = 0;
    await turn(1);
    expect(parts.asked).toEqual([]);
  });

  it('that has ended is not called off: the mark that stands there later is another QEMU’s, to which the guest has moved', async () => {
    await turn(1);
    restarted(0, IO_ENABLED, ISC6);
    parts.loop.poll();
    expect(parts.interruptions.underWay).toBe(false);
    ram.writeWord(parts.hook.mailbox(0) + MAILBOX.MB_ARMED, 1);
    parts.interruptions.reset();
    expect(field(0, MAILBOX.MB_ARMED)).toBe(1);
  });

  it('is called off by a reset, so that it cannot catch the start of a CPU', async () => {
    await turn(1);
    parts.interruptions.reset();
    expect(field(0, MAILBOX.MB_ARMED)).toBe(0);
  });
});
