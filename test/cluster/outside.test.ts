// SPDX-License-Identifier: Apache-2.0
// A guest that runs outside of the machines is moved along: at which steps, and what its failures do.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { STEP_DESTINATION_RUNNING, STEP_DESTINATION_STOP } from '../../src/cluster/migration.ts';
import { createTwoMachines } from './support.ts';

let cluster: Cluster;
let heard: string[];
beforeEach(async () => {
  cluster = await createTwoMachines();
  heard = [];
});
afterEach(() => cluster.close());

const bring = (failsAt?: string): void => {
  cluster.outside.set('Guest1', {
    reached: async (step, to) => {
      heard.push(`${to}: ${step}`);
      if (step === failsAt) throw new Error('no room');
    },
    concluded: async (gone) => void heard.push(gone ? 'gone' : 'stays'),
  });
};

describe('what runs outside', () => {
  it('hears each step, and the end when the guest has gone', async () => {
    bring();
    const { outcome, steps } = await cluster.migrateOutside('Guest1', 'B', {});
    expect(outcome).toBe('ok');
    expect(heard).toEqual([...steps.map(({ step }) => `B: ${step}`), 'gone']);
  });

  it('that fails before the guest has gone ends the migration, and the guest stays', async () => {
    bring(STEP_DESTINATION_STOP);
    const report = await cluster.migrateOutside('Guest1', 'B', {});
    expect(report).toMatchObject({ outcome: 'EIO', text: 'error: operation failed: no room' });
    expect(heard.at(-1)).toBe('stays');
    expect(cluster.whereIs('Guest1')).toBe('A');
    bring();
    expect((await cluster.migrateOutside('Guest1', 'B', {})).outcome).toBe('ok');
  });

  it('that fails when the guest has gone is told of: the guest is lost', async () => {
    bring(STEP_DESTINATION_RUNNING);
    await expect(cluster.migrateOutside('Guest1', 'B', {})).rejects.toThrow('no room');
    expect(heard.at(-1)).toBe('gone');
    expect(cluster.machine('A').isAttached('Guest1')).toBe(false);
  });

  it('hears nothing of a migration that could not be asked for, while another is under way', async () => {
    bring();
    const first = cluster.migrateOutside('Guest1', 'B', {});
    await expect(cluster.migrateOutside('Guest1', 'B', {})).rejects.toThrow('is being migrated');
    await expect(cluster.migrateOutside('Guest1', 'C', {})).rejects.toThrow();
    expect(heard.filter((word) => !word.startsWith('B: '))).toEqual([]);
    expect((await first).outcome).toBe('ok');
  });

  it('others are let in at each step', async () => {
    let turns = 0;
    const { steps } = await cluster.migrateOutside('Guest1', 'B', {}, async () => void turns++);
    expect(turns).toBeGreaterThanOrEqual(steps.length);
  });
});
