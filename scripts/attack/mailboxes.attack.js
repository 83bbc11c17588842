// SPDX-License-Identifier: Apache-2.0
// Hostile mailboxes: everything the emulator reads from a guest's memory - mailboxes, lowcores, tables of translation - is whatever
// the guest has put there. Nothing outside its storage is read or written, nothing throws, and who asked properly is answered.
import { fstatSync, ftruncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfigFile } from '../../dist/src/config/load.js';
import { createQemuMachine } from '../../dist/src/qemu/guest-machine.js';
import { MAILBOX, MAILBOX_BYTES } from '../../dist/src/qemu/hook-layout.js';
import { InterruptionDelivery } from '../../dist/src/qemu/interruptions.js';
import { LowcoreHook } from '../../dist/src/qemu/lowcore.js';
import { MailboxLoop } from '../../dist/src/qemu/mailbox.js';
import { GuestPause } from '../../dist/src/qemu/pause.js';
import { createRam } from '../../dist/src/qemu/ram.js';
import { QemuStorage } from '../../dist/src/qemu/storage.js';

const CONFIG = join(import.meta.dirname, '../../examples/two-guests.yaml');
const BYTES = 2 * 0x100000;
const CPUS = 2;
/** A monitor that has gone. */
const MONITOR = { execute: () => Promise.reject(new Error('gone')) };
/** Where instructions and tables lie when the guest means well. */
const CODE_AT = 0x30000;
const PAGE = 0x1000;

const OPCODES = [0xb2ad, 0xb2ae, 0xb2af, 0x4400, 0xc600, 0xb2ff, 0x0000];
const FUNCTIONS = [0, 1, 2, 3, 4, 5, 6, 7, 0x2a, 0x40, 0x80];
/** Numbers that are addresses to somebody: the ends of storage, of the 31-bit and the 32-bit range, unaligned ones. */
const EDGES = [
  ...[0, 1, 0x1fff, 0x2000, 0x7fffe000, 0x7fffffff, 0x80000000, 0xffffe000, 0xffffffff],
  ...[BYTES - 1, BYTES, BYTES - 0x1000, BYTES - 0x2000, BYTES - 0x100000, CODE_AT],
];

const word = (random) =>
  random.chance(40) ? random.pick(EDGES) : random.below(0x10000) * 0x10000 + random.below(0x10000);

/** The request of a CPU: proper, then spoiled in some fields. */
function request(random, ram, mailbox) {
  const box = Buffer.alloc(MAILBOX_BYTES);
  ram.read(mailbox, box);
  const set = (at, value) => box.writeUInt32BE(value >>> 0, at);
  for (let n = 0; n < 32; n++) {
    set(MAILBOX.MB_GR + 4 * n, word(random));
    set(MAILBOX.MB_CR + 4 * n, random.chance(50) ? 0 : word(random));
  }
  const fc = random.pick(FUNCTIONS);
  if (random.chance(80)) set(MAILBOX.MB_GR + 4, (fc << 24) | random.pick([0x0504, 0x06ab, 0x0747]));
  if (random.chance(50)) for (let n = 0; n < 16; n++) set(MAILBOX.MB_GR + 8 * n, 0);
  const dat = random.chance(50) ? 0x04000000 : 0;
  set(MAILBOX.MB_PSW, (1 | dat | (random.below(4) << 14) | (random.below(2) << 25)) >>> 0);
  set(MAILBOX.MB_PSW + 4, 0x80000000);
  set(MAILBOX.MB_PSW + 8, 0);
  set(MAILBOX.MB_PSW + 12, CODE_AT + 4);
  set(MAILBOX.MB_PREFIX, random.pick([0, 0x4000, 0x8000]));
  set(MAILBOX.MB_ILC_AND_CODE, (random.pick([4, 4, 4, 6, 2, 0, 7]) << 16) | 1);
  set(MAILBOX.MB_REQUEST, box.readUInt32BE(MAILBOX.MB_REQUEST) + 1);
  const spoiled = random.below(8);
  for (let n = 0; n < spoiled; n++) set(4 * random.below(MAILBOX_BYTES / 4), word(random));
  ram.write(mailbox, box);
  return box;
}

/** The restart part of a mailbox. */
function restart(random, ram, mailbox) {
  const prefix = random.chance(50) ? word(random) : 0x4000;
  ram.writeWord(mailbox + MAILBOX.MB_RST_PREFIX, prefix);
  ram.writeWord(mailbox + MAILBOX.MB_RST_PSW, 0x02000001);
  ram.writeWord(mailbox + MAILBOX.MB_RST_CR + 6 * 8 + 4, 0xff000000);
  ram.writeWord(mailbox + MAILBOX.MB_RST_REQUEST, word(random));
}

/** Some pages of anything: tables of translation, operands, lowcores. */
function scribble(random, ram) {
  const page = Buffer.alloc(PAGE);
  for (let n = 0; n < 8; n++) page.writeUInt32BE(word(random), 4 * random.below(PAGE / 4));
  const at = random.chance(80) ? random.below(BYTES / PAGE) * PAGE : word(random);
  ram.write(at, page);
}

export const attack = {
  tries: "contents of a QEMU guest's memory: mailboxes, prefixes, registers, translation tables",
  quick: 3000,
  open: async () => {
    const { config } = loadConfigFile(CONFIG);
    const { machine, service } = await createQemuMachine(config, ['Guest1']);
    const guest = service('Guest1');
    const ram = createRam(tmpdir(), `apemu-attack-${process.pid}`, BYTES);
    const storage = new QemuStorage(ram);
    guest.connect(storage);
    let nowNs = 0;
    return {
      trial: (random, tried) => {
        ftruncateSync(ram.fd, 0);
        ftruncateSync(ram.fd, BYTES);
        guest.reset();
        const hook = new LowcoreHook(ram, 'bare');
        hook.install(1000);
        const parts = { ram, hook, storage, service: guest, qmp: MONITOR };
        const interruptions = new InterruptionDelivery({
          ...parts,
          pause: new GuestPause(MONITOR),
        });
        const loop = new MailboxLoop(parts, interruptions, CPUS);
        for (let n = random.below(3); n > 0; n--) scribble(random, ram);
        for (let n = 0; n < CPUS; n++) {
          ram.writeHalfword(CODE_AT, random.pick(OPCODES));
          ram.writeHalfword(CODE_AT + 2, random.below(0x10000));
          request(random, ram, hook.mailbox(n));
          if (random.chance(30)) restart(random, ram, hook.mailbox(n));
        }
        const refused = ram.refused;
        loop.poll();
        nowNs += 1e6;
        interruptions.turn(nowNs / 1e6);
        guest.advance(nowNs);
        tried(loop.counts.malformed > 0 ? 'malformed' : 'served');
        if (ram.refused !== refused)
          throw new Error('an address of the guest went unchecked to its storage');
        const { size } = fstatSync(ram.fd);
        if (size !== BYTES) throw new Error(`the memory file has ${size} bytes (it had ${BYTES})`);
      },
      close: () => {
        ram.close();
        machine.close();
      },
    };
  },
};
