// SPDX-License-Identifier: Apache-2.0
// A migration and what may happen beside it, in every order of their steps: unplugging, masks, closing, cancelling, a second migration.
// The rules of both hosts hold after each step; the defects of the posted series break them.
// Source: docs/reference/migration.md sections 5 and 9; docs/reference/vfio-ap.md section 6.1.
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { type ExploreCase, explore } from '../interleavings/explore.ts';
import { createTwoMachines, guestMatrix, type Parts } from './support.ts';

const LONG = process.env['APEMU_ORDERS'] !== undefined;
const OPTIONS = LONG
  ? { exhaustive: 2_000, random: 2_000, seed: 1 }
  : { exhaustive: 10, random: 25, seed: 1 };

const MATRIX = '/sys/devices/vfio_ap/matrix/$Guest1';
const MOVE = ['migrate: Guest1 B chunk=64'];
const MESSAGES = [
  'Guest1.0: nqap 05.0004 psmid=1 addr=0x4000 len=64',
  'Guest1.0: dqap 05.0004 addr=0x5000 len=0x3000',
];

interface Case {
  readonly name: string;
  readonly parts?: Parts;
  readonly beside: readonly (readonly string[])[];
  readonly after?: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "the guest's own messages", beside: [MESSAGES] },
  {
    name: 'a card unplugged at the destination',
    beside: [['B/lpar: remove-adapter 6', 'clock: advance 40s']],
  },
  {
    name: 'a card unplugged at the source',
    beside: [['A/lpar: remove-adapter 5', 'clock: advance 40s'], MESSAGES],
  },
  {
    name: 'a card deconfigured and configured at the destination',
    beside: [['B/lpar: deconfigure 6', 'clock: advance 40s', 'B/lpar: configure 6']],
  },
  {
    name: 'a mask at the destination that takes a queue back',
    beside: [['B/sysfs: echo +6 > /sys/bus/ap/apmask']],
  },
  {
    name: "a change of the source's matrix",
    beside: [[`A/sysfs: echo 6 > ${MATRIX}/unassign_adapter`]],
  },
  {
    name: "a change of the destination's matrix",
    beside: [[`B/sysfs: echo 6 > ${MATRIX}/assign_adapter`]],
  },
  { name: 'a cancellation', beside: [['migrate: Guest1 cancel'], MESSAGES] },
  {
    name: 'the device closed at the destination in the middle of the stream',
    beside: [['B/sysfs: detach Guest1']],
  },
  {
    name: 'the device closed at the source in the middle of the stream',
    beside: [['A/sysfs: detach Guest1']],
  },
  {
    name: 'a return',
    beside: [MESSAGES],
    after: ['migrate: Guest1 A', 'migrate: Guest1 B'],
  },
];

/** At rest the guest is open at most once, where the cluster says it is, and its masks there are no more than the partition has. */
const onOneMachine = (cluster: Cluster) => (): string | undefined => {
  const open = [...cluster.machines].filter(([, machine]) => machine.isAttached('Guest1'));
  if (open.length > 1) return 'the guest is open on two machines';
  const [name] = open[0] ?? [];
  if (name !== undefined && name !== cluster.whereIs('Guest1'))
    return `the guest is open on ${name} and said to be on ${cluster.whereIs('Guest1')}`;
  if (cluster.isStopped('Guest1')) return 'the guest was left stopped';
  return undefined;
};

const caseOf = ({ parts = {}, beside, after = [] }: Case): ExploreCase<Cluster> => ({
  create: () => createTwoMachines(parts),
  config: 'two-hosts.yaml',
  before: [],
  concurrent: [MOVE, ...beside],
  after,
  watch: onOneMachine,
});

describe('beside a migration, in every order of steps,', () => {
  it.each(CASES)('$name breaks no rule', { timeout: 600_000 }, async (one) => {
    const { explored, complete, violation } = await explore(caseOf(one), OPTIONS);
    expect(violation?.program).toBeUndefined();
    expect(complete || explored >= OPTIONS.exhaustive + OPTIONS.random).toBe(true);
  });

  it('what a migration gives is what the source had', async () => {
    const cluster = await createTwoMachines();
    const had = guestMatrix(cluster, 'A');
    cluster.migrate('Guest1', 'B');
    expect(guestMatrix(cluster, 'B')).toEqual(had);
    cluster.close();
  });
});
