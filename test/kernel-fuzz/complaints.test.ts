// SPDX-License-Identifier: Apache-2.0
// What a kernel says on its console when something is wrong with it, and where its code is.
import { describe, expect, it } from 'vitest';
import { complaintIn } from '../../src/kernel-fuzz/complaints.ts';
import { blockName, blocksAt, functionsOf } from '../../src/kernel-fuzz/reached.ts';
import { symbolsOf, textRanges } from '../../src/kernel-fuzz/text.ts';

const OOPS = `[    9.1] Unable to handle kernel pointer dereference in virtual kernel address space
[    9.1] Failing address: 6b6b6b6b6b6b6000 TEID: 6b6b6b6b6b6b6803
[    9.1] Oops: 0038 ilc:3 [#1] SMP
[    9.1] Krnl PSW : 0704c00180000000 000003ff80012345 (zcrypt_card_online_store+0x12a/0x1c0 [zcrypt])
`;

/** In a function that a driver has called with what it should not have. */
const CALLED = `[    9.1] Unable to handle kernel pointer dereference in virtual kernel address space
[    9.1] Oops: 0038 ilc:2 [#1] SMP
[    9.1] Krnl PSW : 0704e00180000000 000003ffe0b8b132 (kobject_get_path+0x3a/0x168)
[    9.1]  [<000003ffe0b8b132>] kobject_get_path+0x3a/0x168
[    9.1]  [<000003ffe0b8cd34>] kobject_uevent_env+0xdc/0x758
[    9.1]  [<000003ff6000697e>] online_store+0x166/0x248 [zcrypt]
`;

describe('a console', () => {
  it.each([
    ['an Oops with its function', OOPS, 'Oops', 'zcrypt_card_online_store'],
    ['an Oops where a driver called', CALLED, 'Oops', 'online_store'],
    ['an Oops of no driver', CALLED.replace(/.*online_store.*\n/, ''), 'Oops', 'kobject_get_path'],
    [
      'a warning',
      '[ 1.2] WARNING: CPU: 0 PID: 7 at drivers/s390/crypto/ap_queue.c:123 ap_queue_info+0x5c/0xd8\n',
      'WARNING',
      'ap_queue_info',
    ],
    ['a stall', '[ 22.0] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:\n', 'RCU stall', ''],
    [
      'a hung task',
      '[ 99.0] INFO: task agent:77 blocked for more than 30 seconds.\n',
      'hung task',
      '',
    ],
    [
      'a poisoned slab',
      '[ 5.0] BUG kmalloc-512 (Not tainted): Poison overwritten\n',
      'slab corruption',
      '',
    ],
    ['a panic', '[ 5.0] Kernel panic - not syncing: Attempted to kill init!\n', 'panic', ''],
  ])('with %s', (_what, text, name, place) => {
    expect(complaintIn(text)).toMatchObject({ name, place });
  });

  it('with words of drivers about their hardware is none', () => {
    const text = '[ 2.0] ap 05.0004: queue has been set offline\nzcrypt: warning: 05.0004 busy\n';
    expect(complaintIn(text)).toBeUndefined();
  });
});

describe('symbols of a guest', () => {
  const KALLSYMS = `0000000000100000 T _text
0000000000200000 t ap_scan_bus
0000000000200400 T ap_queue_message
0000000000200800 T crypto_unrelated
000003ff80010000 t zcrypt_open	[zcrypt]
000003ff80010100 t zcrypt_ioctl	[zcrypt]
not a symbol`;

  it('give ranges of the AP bus and its modules, and names of addresses', () => {
    const symbols = symbolsOf(KALLSYMS);
    expect(textRanges(symbols)).toEqual([
      { name: 'kernel', start: 0x200000, end: 0x200800 },
      { name: 'zcrypt', start: 0x3ff80010000, end: 0x3ff80010300 },
    ]);
    // The first address is before all of them.
    const blocks = blocksAt(symbols, [0x10, 0x200410, 0x3ff80010108]);
    expect(blocks.map(blockName)).toEqual(['ap_queue_message+0x10', 'zcrypt_ioctl+0x8 [zcrypt]']);
    expect(
      functionsOf(symbols, blocks, new Map([['ap_queue_message+0x10', 'ap_queue.c:7']])),
    ).toEqual([
      { name: '_text', module: '', blocks: [] },
      { name: 'ap_scan_bus', module: '', blocks: [] },
      { name: 'ap_queue_message', module: '', blocks: ['ap_queue.c:7'] },
      { name: 'crypto_unrelated', module: '', blocks: [] },
      { name: 'zcrypt_open', module: 'zcrypt', blocks: [] },
      { name: 'zcrypt_ioctl', module: 'zcrypt', blocks: ['+0x8'] },
    ]);
  });

  it.each([
    ['a kernel without /proc/kallsyms', 'grep: /proc/kallsyms: No such file or directory\n'],
    ['a kernel that hides its addresses', KALLSYMS.replace(/^[0-9a-f]+/gm, '0000000000000000')],
  ])('of %s are none', (_what, told) => {
    expect(textRanges(symbolsOf(told))).toEqual([]);
  });

  it('named by the user are covered besides', () => {
    expect(textRanges(symbolsOf(KALLSYMS), /^crypto_/).at(0)?.end).toBe(0x200a00);
  });
});
