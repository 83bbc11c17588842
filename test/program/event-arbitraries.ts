// SPDX-License-Identifier: Apache-2.0
// Generated lines of scenarios, for the property that printing and parsing are inverse.

import fc from 'fast-check';
import type { InjectedReply } from '../../src/cex/injected-reply.ts';
import { REPLY_FIELDS, replyField, replyFieldMax } from '../../src/cex/reply-fields.ts';
import { FAULT_INSTRUCTIONS } from '../../src/config/types.ts';
import {
  type Occasion,
  REQUEST_KINDS,
  REQUESTS_MAX,
  type ScenarioEvent,
  type Trigger,
} from '../../src/program/events.ts';
import { LPAR_VERBS } from '../../src/program/lpar-verbs.ts';

export interface EventBody {
  readonly kind: 'event';
  readonly trigger: Trigger;
  readonly event: ScenarioEvent;
}

interface Parts {
  readonly ns: fc.Arbitrary<number>;
  readonly reply: fc.Arbitrary<InjectedReply>;
  readonly lparValues: (row: (typeof LPAR_VERBS)[number]) => fc.Arbitrary<readonly number[]>;
}

const RESERVED = new Set<string>([...FAULT_INSTRUCTIONS, 'every', 'request', 'close']);
const guest = fc.option(
  fc.stringMatching(/^[A-Z][A-Za-z0-9_-]{0,8}$/).filter((name) => !RESERVED.has(name)),
  { nil: undefined },
);
const apqn = fc.nat(0xffff);
const maybeApqn = fc.option(apqn, { nil: undefined });
const occasion: fc.Arbitrary<Occasion> = fc.record({
  kind: fc.constantFrom('nth', 'from', 'every'),
  n: fc.integer({ min: 1, max: 1_000_000_000 }),
});

const on = (names: readonly (typeof FAULT_INSTRUCTIONS)[number][]): fc.Arbitrary<Trigger> =>
  fc.record({
    kind: fc.constant('on' as const),
    guest,
    on: fc.constantFrom(...names),
    apqn: maybeApqn,
    occasion,
  });

const field = fc
  .oneof(
    fc.constantFrom(...REPLY_FIELDS.map(({ name }) => name as string)),
    fc.nat(300).map((n) => `byte${n}`),
  )
  .chain((name) =>
    fc.record({
      kind: fc.constant('field' as const),
      field: fc.constant(name),
      value: fc.nat(replyFieldMax(replyField(name)!)),
    }),
  );

/** Triggers and events that go together. */
export const eventBody = ({ ns, reply, lparValues }: Parts): fc.Arbitrary<EventBody> => {
  const message: fc.Arbitrary<ScenarioEvent> = fc.oneof(
    ns.map((delayNs) => ({ kind: 'delay' as const, delayNs })),
    fc.constantFrom({ kind: 'drop' as const }, { kind: 'duplicate' as const }),
    fc.integer({ min: 1, max: 255 }).map((places) => ({ kind: 'reorder' as const, places })),
    reply.map((wanted) => ({ kind: 'reply' as const, reply: wanted })),
    field,
    fc.constantFrom('lost', 'early', 'coalesced').map((how) => ({
      kind: 'interrupt' as const,
      how: how as 'lost',
      delayNs: undefined,
    })),
    ns.map((delayNs) => ({ kind: 'interrupt' as const, how: 'late' as const, delayNs })),
  );
  const instruction: fc.Arbitrary<ScenarioEvent> = fc
    .nat(255)
    .map((rc) => ({ kind: 'rc' as const, rc }));
  const condition: fc.Arbitrary<ScenarioEvent> = fc.oneof(
    fc.constantFrom(1 as const, 2 as const).map((cc) => ({
      kind: 'cc' as const,
      cc,
      everyBytes: undefined,
    })),
    fc
      .integer({ min: 1, max: 2 ** 20 })
      .map((everyBytes) => ({ kind: 'cc' as const, cc: 2 as const, everyBytes })),
  );
  const user: fc.Arbitrary<ScenarioEvent> = fc.oneof(
    guest.map((name) => ({ kind: 'close' as const, guest: name })),
    fc.record({
      kind: fc.constant('request' as const),
      guest,
      count: fc.integer({ min: 1, max: REQUESTS_MAX }),
      apqn: maybeApqn,
      what: fc.option(fc.constantFrom(...REQUEST_KINDS), { nil: undefined }),
    }),
  );
  const anywhere: fc.Arbitrary<ScenarioEvent> = fc.oneof(
    fc.constant({ kind: 'scan' as const }),
    fc.constant({ kind: 'interrupt' as const, how: 'spurious' as const, delayNs: undefined }),
    fc.record({
      kind: fc.constant('host' as const),
      mnemonic: fc.constantFrom('rapq' as const, 'zapq' as const),
      apqn,
    }),
    fc.constantFrom('echo 5 > /x', 'wait').map((command) => ({ kind: 'sysfs' as const, command })),
    fc
      .constantFrom(...LPAR_VERBS)
      .chain((row) =>
        lparValues(row).map((values) => ({ kind: 'lpar' as const, verb: row.verb, values })),
      ),
    user,
  );
  const trigger: fc.Arbitrary<Trigger> = fc.oneof(
    on(FAULT_INSTRUCTIONS),
    ns.map((timeNs) => ({ kind: 'at' as const, timeNs })),
    occasion.map((which) => ({ kind: 'idle' as const, occasion: which })),
  );
  const pairs: fc.Arbitrary<[Trigger, ScenarioEvent]> = fc.oneof(
    fc.tuple(on(['nqap', 'any']), message),
    fc.tuple(on(FAULT_INSTRUCTIONS), instruction),
    fc.tuple(on(['nqap', 'dqap', 'any']), condition),
    fc.tuple(trigger, anywhere),
    fc.tuple(fc.constant({ kind: 'start' as const }), user),
  );
  return pairs.map(([when, event]) => ({ kind: 'event' as const, trigger: when, event }));
};
