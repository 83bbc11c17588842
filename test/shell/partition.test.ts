// SPDX-License-Identifier: Apache-2.0
// 19.15: `partition` shows who has which queue and what it does, of each kind of owner, as text and as data.

import { describe, expect, it } from 'vitest';
import type { PartitionView } from '../../src/shell/partition-view.ts';
import { CONFIG, type Setting, withShell } from './support.ts';

const viewAfter = (script: string, setting: Setting = {}): Promise<PartitionView> =>
  withShell(
    async (shell) => JSON.parse(await shell.out(`{ ${script}; } > /dev/null; partition --json`)),
    setting,
  );

const queue = ({ queues }: PartitionView, apqn: string) =>
  queues.find((one) => one.apqn === apqn) ?? {};

const VIRTUAL = CONFIG.replace('program: ap-bus', '').replace(
  'mdev: { adapters: [5, 6], domains: [4, 0xab] }',
  'mdev: { type: virtual, adapters: { 1: [5] }, domains: { 2: [4] } }',
);

describe('partition', () => {
  it.each<readonly [string, string, string, object]>([
    [
      'a queue of a guest',
      ':',
      '05.0004',
      { owner: 'Guest1', state: 'idle', messages: 0, depth: 8 },
    ],
    ['one that an mdev could take', ':', '06.0047', { owner: 'vfio_ap' }],
    [
      'one of a guest that let its device go',
      'guest detach Guest1',
      '05.0004',
      { owner: 'an mdev' },
    ],
    [
      'one whose adapter is in standby',
      'lpar deconfigure 05',
      '05.0047',
      { state: 'deconfigured' },
    ],
    ['one whose adapter has failed', 'lpar checkstop 06', '06.0047', { state: 'checkstopped' }],
    [
      'both: what an operator has to end first',
      'lpar deconfigure 06; lpar checkstop 06',
      '06.0047',
      { state: 'checkstopped' },
    ],
    ['one that is busy', 'lpar busy 05.0047 1s', '05.0047', { state: 'busy' }],
    ['one that is being reset', 'guest start Guest1', '05.0004', { state: 'resetting' }],
  ])('shows %s', async (_what, script, apqn, expected) => {
    expect(queue(await viewAfter(script), apqn)).toMatchObject(expected);
  });

  it('shows the host as owner where nothing is given to guests', async () => {
    const view = await viewAfter(':', { bare: true, config: CONFIG });
    expect(queue(view, '05.0004')).toMatchObject({ owner: 'host' });
    expect(view.mdevs).toEqual([]);
    expect(view.guests[0]).toMatchObject({ name: 'Guest1', state: 'off', adapters: [] });
    expect(view.guests[0]?.mdev).toBeUndefined();
  });

  it('counts what a queue accepts, and what guests reach', async () => {
    const view = await viewAfter('guest start Guest1; clock run');
    expect(queue(view, '05.0004')).toMatchObject({ accepted: 2, interrupts: true });
    expect(view.guests[0]).toMatchObject({
      state: 'running',
      adapters: ['05', '06'],
      domains: ['0004', '00ab'],
    });
  });

  it('shows a guest with a virtual mdev by its own numbers, and the real queue behind them as its', async () => {
    const view = await viewAfter(':', { config: VIRTUAL });
    expect(view.guests[0]).toMatchObject({ adapters: ['01'], domains: ['0002'] });
    expect(view.mdevs).toContainEqual(
      expect.objectContaining({ type: 'virtual', guest: 'Guest1', adapters: ['01'] }),
    );
    expect(queue(view, '05.0004')).toMatchObject({ owner: 'Guest1' });
  });

  it('has adapters that come and go, and faults with their counts', async () => {
    const view = await viewAfter('lpar remove-adapter 06; fault 05.0004 on=tapq rc=05 count=2');
    expect(view.adapters.map(({ apid, type }) => `${apid} ${type}`)).toEqual(['05 CEX8C']);
    expect(view.faults).toEqual([
      { text: '05.0004 on=tapq rc=05 count=2', fired: 0, active: true },
    ]);
    // Nobody keeps the instructions of this machine.
    expect(view.refusals).toBeUndefined();
  });

  it('is a table for people, and refuses what it does not know', async () => {
    await withShell(async (shell) => {
      const lines = (await shell.out('partition')).split('\n');
      expect(lines[0]).toMatch(/^ADAPTER +STATE +0004 +0047 +00ab +00ff$/);
      expect(lines[1]).toMatch(/^05 CEX8C +configured +Guest1 0\/8 +Guest2 0\/8 /);
      expect(await shell.run('partition --yaml')).toMatchObject({
        status: 2,
        err: 'usage: partition [--json]\n',
      });
    });
  });
});
