// SPDX-License-Identifier: Apache-2.0
// Events that happen to the hardware of a driver's queues, events that take them back, and events that bring a queue into a state.
// Source: docs/reference/ap-architecture.md section 2.4 (states), docs/reference/vfio-ap.md section 6.2 (assignments).
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import type { Random } from '../lpar/random.ts';
import type { HostEvent } from '../program/events.ts';
import type { LparVerb } from '../program/lpar-verbs.ts';
import type { QueueStateName } from '../target/architected.ts';
import type { ScenarioSpace } from '../target/target.ts';

export const DELAYS_NS: readonly number[] = [
  1_000, 100_000, 1_000_000, 100_000_000, 2_000_000_000, 40_000_000_000,
];

const ASYNC_CODES = RESPONSE_CODES.filter(({ async }) => async).map(({ code }) => code);

type Make = (apqn: number, guest: string, random: Random) => HostEvent;

const apid = (apqn: number): number => apqn >>> 8;
const apqi = (apqn: number): number => apqn & 0xff;
const adapter =
  (verb: LparVerb): Make =>
  (apqn) => ({ kind: 'lpar', verb, values: [apid(apqn)] });
const domain =
  (verb: LparVerb): Make =>
  (apqn) => ({ kind: 'lpar', verb, values: [apqi(apqn)] });
const assign =
  (file: string, idOf: (apqn: number) => number): Make =>
  (apqn, guest) => ({
    kind: 'sysfs',
    command: `echo ${idOf(apqn)} > /sys/devices/vfio_ap/matrix/$${guest}/${file}`,
  });

const BUSY: Make = (apqn, _guest, random) => ({
  kind: 'lpar',
  verb: 'busy',
  values: [apqn, random.pick(DELAYS_NS)],
});
const ASYNC: Make = (apqn, _guest, random) => ({
  kind: 'lpar',
  verb: 'async',
  values: [apqn, random.pick(ASYNC_CODES)],
});
const RAPQ: Make = (apqn) => ({ kind: 'host', mnemonic: 'rapq', apqn });
const ZAPQ: Make = (apqn) => ({ kind: 'host', mnemonic: 'zapq', apqn });
const SCAN: Make = () => ({ kind: 'scan' });

/** What can happen, each with the event that takes it back, if there is one. */
const PAIRS: readonly (readonly [happens: Make, back: Make])[] = [
  [adapter('deconfigure'), adapter('configure')],
  [adapter('checkstop'), adapter('recover')],
  [adapter('remove-adapter'), adapter('add-adapter')],
  [domain('remove-domain'), domain('add-domain')],
  [assign('unassign_adapter', apid), assign('assign_adapter', apid)],
  [assign('unassign_domain', apqi), assign('assign_domain', apqi)],
];
/** What can happen to one queue and has nothing that takes it back. */
const UPSETS: readonly Make[] = [BUSY, ASYNC, RAPQ, ZAPQ];
const SINGLE: readonly Make[] = [BUSY, ASYNC, RAPQ, RAPQ, ZAPQ, SCAN];
const ALL: readonly Make[] = [...PAIRS.flat(), ...SINGLE];

/** Events that bring a queue into a state, so that an instruction then meets it. */
const BRINGS: Readonly<Partial<Record<QueueStateName, readonly Make[]>>> = {
  absent: [assign('unassign_domain', apqi), domain('remove-domain')],
  'async error': [ASYNC],
  deconfigured: [adapter('deconfigure')],
  checkstopped: [adapter('checkstop')],
  resetting: [RAPQ],
  busy: [BUSY],
};

/** Any event, for one of the driver's queues or its adapter or domain. */
export const hostEvent = (random: Random, { guest, queues }: ScenarioSpace): HostEvent =>
  random.pick(ALL)(queues.length === 0 ? 0 : random.pick(queues), guest, random);

/** An event that brings a queue into `state`; undefined if the host can do nothing to this end. */
export const bringing = (
  random: Random,
  state: QueueStateName,
  apqn: number,
  { guest }: ScenarioSpace,
): HostEvent | undefined => {
  const ways = BRINGS[state];
  return ways === undefined ? undefined : random.pick(ways)(apqn, guest, random);
};

/** Events that take queues out of the configuration, so that a bus scan finds them gone. */
const LOSES: readonly Make[] = [
  adapter('remove-adapter'),
  domain('remove-domain'),
  assign('unassign_adapter', apid),
  assign('unassign_domain', apqi),
];

/** Takes a queue away, together with its adapter or its domain. */
export const losing = (random: Random, apqn: number, guest: string): HostEvent =>
  random.pick(LOSES)(apqn, guest, random);

/** An event for a queue, and the one that takes it back. */
export const thereAndBack = (
  random: Random,
  apqn: number,
  { guest }: ScenarioSpace,
): readonly [HostEvent, HostEvent] => {
  const [happens, back] = random.pick(PAIRS);
  return [happens(apqn, guest, random), back(apqn, guest, random)];
};

/** Each thing that can happen to a queue, with what takes it back, if there is such a thing. */
export const upsetByHost = (
  random: Random,
  apqn: number,
  guest: string,
): readonly (readonly [HostEvent, HostEvent?])[] => [
  ...UPSETS.map((make) => [make(apqn, guest, random)] as const),
  ...PAIRS.map((pair) => {
    const [happens, back] = pair.map((make) => make(apqn, guest, random));
    return [happens, back] as [HostEvent, HostEvent];
  }),
];
