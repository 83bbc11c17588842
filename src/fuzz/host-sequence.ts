// SPDX-License-Identifier: Apache-2.0
// What the administrator of a kernel that is a host does with mediated devices, masks and drivers of queues, and an operator with the
// partition in between: the operations that recordings are made of, as events one after the other.
// Source: src/host-operations/kinds.ts.
import { KINDS } from '../host-operations/kinds.ts';
import { MATRIX, MDEV_TYPE, Scene, UUIDS } from '../host-operations/scene.ts';
import { Random, type Weighted } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { ScenarioEvent } from '../program/events.ts';
import type { LparVerb } from '../program/lpar-verbs.ts';
import { isFile, isText } from '../program/parse-kernel-user.ts';
import { eventLine } from '../scenario/text.ts';
import {
  actionsOf,
  type GoldenPartition,
  type RecordedOperation,
} from '../sysfs/recorded-operation.ts';
import type { ScenarioSpace } from '../target/target.ts';

/** From one operation to the next: before the one before has ended, or after. */
const GAPS_NS = [0, 1_000_000, 10_000_000, 10_000_000, 50_000_000, 300_000_000] as const;
const OPERATIONS_MAX = 6;
/** Sequences that a corpus begins with. */
const SEEDS = 12;
/** Of so many sequences in a hundred the first operation makes an mdev. */
const MAKES_PERCENT = 70;

const KINDS_BY_WEIGHT: Weighted<(typeof KINDS)[number]> = KINDS.filter(
  ({ weight }) => weight > 0,
).map((kind) => [kind.weight, kind]);

/** Lists of an activation profile, and the verbs that change them. */
const LISTS = [
  ['adapters', 'add-adapter', 'remove-adapter'],
  ['usageDomains', 'add-domain', 'remove-domain'],
  ['controlDomains', 'add-control-domain', 'remove-control-domain'],
] as const satisfies readonly (readonly [keyof GoldenPartition, LparVerb, LparVerb])[];

const lpar = (verb: LparVerb, value: number): ScenarioEvent => ({
  kind: 'lpar',
  verb,
  values: [value],
});

/** What makes one activation profile another. */
const changes = (from: GoldenPartition, to: GoldenPartition): ScenarioEvent[] =>
  LISTS.flatMap(([list, add, remove]) => [
    ...to[list].filter((n) => !from[list].includes(n)).map((n) => lpar(add, n)),
    ...from[list].filter((n) => !to[list].includes(n)).map((n) => lpar(remove, n)),
  ]);

/** An operation as events; none for what a line of a scenario cannot say. `before`: the activation profile up to it. */
const eventsOf = (operation: RecordedOperation, before: GoldenPartition): ScenarioEvent[] => {
  switch (operation[0]) {
    case 'write': {
      const [, file] = operation;
      const text = operation[2].replace(/\n$/, '');
      return isFile(file) && isText(text) ? [{ kind: 'write', file, text }] : [];
    }
    case 'read':
      return isFile(operation[1]) ? [{ kind: 'read', file: operation[1] }] : [];
    case 'partition':
      return changes(before, operation[1]);
    case 'host':
      return actionsOf(operation[1]).map(([action, apid]) => lpar(action, apid));
    default:
      return [];
  }
};

/** Some operations one after the other; none where the kernel is no host. */
export const hostSequence = (
  random: Random,
  { isHost = false, queues }: ScenarioSpace,
): EventStatement[] => {
  if (!isHost || queues.length === 0) return [];
  const unique = (numbers: readonly number[]): number[] => [...new Set(numbers)];
  const domains = unique(queues.map((apqn) => apqn & 0xff));
  const scene = new Scene(random, {
    adapters: unique(queues.map((apqn) => apqn >>> 8)),
    usageDomains: domains,
    controlDomains: domains,
  });
  const made: ScenarioEvent = {
    kind: 'write',
    file: `${MDEV_TYPE}/create`,
    text: random.pick(UUIDS),
  };
  const events: ScenarioEvent[] = random.chance(MAKES_PERCENT) ? [made] : [];
  // What a line of a scenario cannot say is drawn again.
  for (let left = 1 + random.below(OPERATIONS_MAX); left > 0 || events.length === 0; left--) {
    const { partition } = scene;
    for (const operation of random.weighted(KINDS_BY_WEIGHT).make(scene))
      events.push(...eventsOf(operation, partition));
  }
  let timeNs = 0;
  return events.map((event) => {
    const line = eventLine({ kind: 'at', timeNs }, event);
    timeNs += random.pick(GAPS_NS);
    return line;
  });
};

/** A guest gets the first queue and loses it again, with its adapter gone meanwhile; and sequences that are always the same. */
export const hostSeeds = (space: ScenarioSpace): EventStatement[][] => {
  const [apqn] = space.queues;
  if (space.isHost !== true || apqn === undefined) return [];
  const mdev = `${MATRIX}/${UUIDS[0]}`;
  const write = (file: string, text: string): ScenarioEvent => ({ kind: 'write', file, text });
  const [apid, apqi] = [apqn >>> 8, apqn & 0xff].map(String);
  const events: ScenarioEvent[] = [
    write('/sys/bus/ap/apmask', `-${apid}`),
    write(`${MDEV_TYPE}/create`, UUIDS[0]),
    write(`${mdev}/assign_adapter`, apid),
    write(`${mdev}/assign_domain`, apqi),
    { kind: 'read', file: `${mdev}/guest_matrix` },
    lpar('remove-adapter', apqn >>> 8),
    { kind: 'scan' },
    lpar('add-adapter', apqn >>> 8),
    { kind: 'scan' },
    write(`${mdev}/unassign_domain`, apqi),
    write(`${mdev}/remove`, '1'),
    write('/sys/bus/ap/apmask', `+${apid}`),
  ];
  return [
    events.map((event, n) => eventLine({ kind: 'at', timeNs: n * GAPS_NS[2] }, event)),
    ...Array.from({ length: SEEDS }, (_, seed) => hostSequence(new Random(seed), space)),
  ];
};
