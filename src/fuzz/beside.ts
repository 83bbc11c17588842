// SPDX-License-Identifier: Apache-2.0
// What resets, stops or takes a queue while requests are on it, and requests that come afterwards. Replies then come for requests that
// were given up, among those of new ones, or on a queue that is not set up as it was.
// Source: docs/reference/fuzzing.md section 5 (G1, G2, G3, G5, G11; "result of an old request given to a new one after a reset").
import { AP_RESPONSE_NORMAL, RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import type { FaultInstruction } from '../config/types.ts';
import type { Random } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Occasion, ScenarioEvent, Trigger } from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';
import type { KernelFile, ScenarioSpace } from '../target/target.ts';
import { upsetByHost } from './host-events.ts';

const MS = 1_000_000;

/** Something that happens to a queue, and what takes it back, if there is such a thing. */
export type Upset = readonly [happens: ScenarioEvent, back?: ScenarioEvent];

/** When replies come to requests that were sent, when the queue is upset, and when that is taken back: nanoseconds. */
const SEED_NS = { held: 500 * MS, upset: 50 * MS, back: 100 * MS } as const;
/** When requests are made that find the queue as it is then: before replies come to those that were on it, or later. */
const AFTERWARDS_NS = [150 * MS, 1000 * MS] as const;

const HELD_NS = [20 * MS, 300 * MS, 2000 * MS] as const;
const UPSET_NS = [1 * MS, 10 * MS, 50 * MS] as const;
const BACK_NS = [0, 1 * MS, 40 * MS, 400 * MS] as const;
const LATER_NS = [0, 5 * MS, 60 * MS, 500 * MS, 3000 * MS] as const;

/** Codes with which a queue refuses to be given interruptions. */
const REFUSES_INTERRUPTIONS = RESPONSE_CODES.filter(
  ({ code, handled, mayOccur }) =>
    code !== AP_RESPONSE_NORMAL && (handled + mayOccur).includes('A'),
).map(({ code }) => code);

const at = (timeNs: number): Trigger => ({ kind: 'at', timeNs });
const request = (count: number, apqn: number | undefined): ScenarioEvent => ({
  kind: 'request',
  guest: undefined,
  count,
  apqn,
  what: undefined,
});
const first: Occasion = { kind: 'from', n: 1 };
const each = (on: FaultInstruction, apqn: number): Trigger => ({
  kind: 'on',
  guest: undefined,
  on,
  apqn,
  occasion: first,
});

/** Those of the files that are about a queue or its card, and can be written. */
const filesAbout = (apqn: number, files: readonly KernelFile[]): KernelFile[] =>
  files.filter(
    (file) =>
      file.texts.length > 0 &&
      (file.apqn === apqn || (file.apqn === undefined && file.adapter === apqn >>> 8)),
  );

/** A write to a file, with the write that takes it back. */
const upsetByFile = ({ file, texts, back }: KernelFile): Upset => {
  const [there, again] = texts as [string, string?];
  const write = (path: string, text: string): ScenarioEvent => ({
    kind: 'write',
    file: path,
    text,
  });
  if (back !== undefined) return [write(file, there), write(back.file, back.text)];
  return again === undefined ? [write(file, there)] : [write(file, there), write(file, again)];
};

/** All that can happen to a queue with requests on it: by the host, by an administrator, by its users. */
const upsets = (random: Random, apqn: number, { guest, files = [] }: ScenarioSpace): Upset[] => [
  ...upsetByHost(random, apqn, guest),
  ...filesAbout(apqn, files).map(upsetByFile),
  [{ kind: 'signal' }],
];

/** Events around one queue; undefined if the target has none, or nobody who makes requests. */
export const beside = (random: Random, space: ScenarioSpace): EventStatement[] | undefined => {
  const { queues, hasUser } = space;
  if (queues.length === 0 || !hasUser) return undefined;
  const apqn = random.pick(queues);
  const [happens, back] = random.pick(upsets(random, apqn, space));
  const upsetNs = random.pick(UPSET_NS);
  const backNs = upsetNs + random.pick(BACK_NS);
  const held: ScenarioEvent = random.chance(85)
    ? { kind: 'delay', delayNs: random.pick(HELD_NS) }
    : { kind: 'drop' };
  const refused: ScenarioEvent = { kind: 'rc', rc: random.pick(REFUSES_INTERRUPTIONS) };
  const later = (): EventStatement =>
    eventLine(
      at(backNs + random.pick(LATER_NS)),
      request(1 + random.below(3), random.chance(80) ? apqn : undefined),
    );
  return [
    ...(random.chance(80)
      ? [eventLine({ kind: 'start' }, request(1 + random.below(4), apqn))]
      : []),
    eventLine(each('nqap', apqn), held),
    eventLine(at(upsetNs), happens),
    ...(back !== undefined && random.chance(85) ? [eventLine(at(backNs), back)] : []),
    ...(random.chance(20) ? [eventLine(each('aqic', apqn), refused)] : []),
    ...(random.chance(20) ? [eventLine(at(backNs), { kind: 'scan' } as const)] : []),
    later(),
    ...(random.chance(30) ? [later()] : []),
  ];
};

/**
 * Scenarios with which a corpus begins: each thing that can happen to a queue once, with a request before it and one after it, which comes
 * before the reply to the first in one scenario and after it in another.
 */
export const besideSeeds = (random: Random, space: ScenarioSpace): EventStatement[][] => {
  const { queues } = space;
  // The queues take turns, so that there is something for each kind of card.
  const rows = queues.flatMap((apqn, turn) =>
    upsets(random, apqn, space)
      .filter((_, n) => n % queues.length === turn)
      .map((upset) => ({ apqn, upset })),
  );
  return rows.flatMap(({ apqn, upset: [happens, back] }) =>
    AFTERWARDS_NS.map((afterNs) => [
      eventLine({ kind: 'start' }, request(1, apqn)),
      eventLine(each('nqap', apqn), { kind: 'delay', delayNs: SEED_NS.held }),
      eventLine(at(SEED_NS.upset), happens),
      ...(back === undefined ? [] : [eventLine(at(SEED_NS.back), back)]),
      eventLine(at(afterNs), request(1, apqn)),
    ]),
  );
};
