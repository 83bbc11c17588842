// SPDX-License-Identifier: Apache-2.0
// The messages between coordinator and workers, as schemas. Worker and Redis may be anybody's, so nothing is accepted that does not fit a
// schema.
// Source: docs/campaigns.md.
import Type, { type Static } from 'typebox';
import { ORACLES, type OracleName } from '../../oracle/oracles.ts';

/** Limits that are far above what a campaign needs, and low enough to do no harm. */
const CASES_MAX = 65_536;
/** Number of characters of a case's three numbers. */
const CASE_LENGTH = 16;
const FEATURES_MAX = 2 ** 22;
const LINES_LENGTH = 65_536;
const TEXT_LENGTH = 1_048_576;
const TRACE_LINES = 20_000;
const LIST_MAX = 4_096;
const WORKER_LENGTH = 100;

const strict = { additionalProperties: false } as const;
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const feature = Type.Integer({ minimum: 0, maximum: FEATURES_MAX });
const features = Type.Array(feature, { maxItems: FEATURES_MAX });
const lines = Type.String({ maxLength: LINES_LENGTH });
/** Numbers as text: see `packNumbers`. */
const numbers = Type.String({ maxLength: 8 * FEATURES_MAX });
const text = Type.String({ maxLength: TEXT_LENGTH });
const index = Type.Integer({ minimum: 0, maximum: 2 * CASES_MAX });
const skip = Type.Array(index, { maxItems: CASES_MAX });

export const HASH = Type.String({ pattern: '^[0-9a-f]{64}$' });
/** Name of a worker: computer, process, and a word that tells it from an earlier process. */
export const WORKER = Type.String({ pattern: '^[A-Za-z0-9._-]+$', maxLength: WORKER_LENGTH });

const seenRow = { fn: count, apqn: count };
const SEEN = Type.Object(
  {
    executions: Type.Array(Type.Object({ ...seenRow, count }, strict), { maxItems: LIST_MAX }),
    states: Type.Array(Type.Object({ ...seenRow, state: count, n: count }, strict), {
      maxItems: LIST_MAX,
    }),
  },
  strict,
);

const oracle = Type.Unsafe<OracleName>(Type.Union(ORACLES.map(({ name }) => Type.Literal(name))));
const VIOLATION = Type.Object(
  {
    oracle,
    way: text,
    did: text,
    expected: text,
    atNs: Type.Optional(Type.Number()),
    repeated: Type.Optional(Type.Literal(true)),
  },
  strict,
);

/** A scenario of the corpus, and what the driver executes in it. */
export const SCENARIO = Type.Object({ lines, seen: SEEN }, strict);

/** What all jobs of a generation have in common. */
export const GENERATION = Type.Object(
  { known: numbers, wanted: Type.Array(feature, { maxItems: LIST_MAX }) },
  strict,
);

const BATCH = Type.Object(
  {
    kind: Type.Literal('batch'),
    generation: HASH,
    scenarios: Type.Array(HASH, { maxItems: 2 * CASES_MAX }),
    /** For each case: the number of its scenario, the number from 1 of the one that is spliced in (0 = none), and its seed. */
    cases: Type.String({ maxLength: CASE_LENGTH * (CASES_MAX + 1) }),
    skip,
  },
  strict,
);

const MINIMISE = Type.Object(
  { kind: Type.Literal('minimise'), lines, violation: VIOLATION },
  strict,
);

/** What a worker is asked for. */
export const REQUEST = Type.Union([BATCH, MINIMISE]);
export type Request = Static<typeof REQUEST>;

export const BATCH_ANSWER = Type.Object(
  {
    kind: Type.Literal('batch'),
    to: HASH,
    cases: count,
    executed: count,
    ns: Type.Number({ minimum: 0 }),
    kept: Type.Array(Type.Object({ lines, fresh: features, seen: SEEN, cost: count }, strict), {
      maxItems: CASES_MAX,
    }),
    features: numbers,
    hits: numbers,
    firsts: Type.Array(Type.Tuple([feature, lines]), { maxItems: FEATURES_MAX }),
    broken: Type.Array(Type.Object({ lines, violation: VIOLATION, count }, strict), {
      maxItems: CASES_MAX,
    }),
    advice: Type.Array(Type.Tuple([text, count]), { maxItems: LIST_MAX }),
    places: numbers,
  },
  strict,
);

export const MINIMISE_ANSWER = Type.Object(
  {
    kind: Type.Literal('minimise'),
    to: HASH,
    lines,
    violation: VIOLATION,
    stable: Type.Boolean(),
    confirmed: Type.Boolean(),
    trace: Type.Array(text, { maxItems: TRACE_LINES }),
    place: Type.Optional(text),
    runs: count,
  },
  strict,
);

/** What BullMQ carries: only names of messages. */
export const JOB_DATA = Type.Object({ request: HASH }, strict);
export const JOB_VALUE = Type.Object({ answer: HASH, worker: WORKER }, strict);
export type JobData = Static<typeof JOB_DATA>;
export type JobValue = Static<typeof JOB_VALUE>;

/** What a worker says about itself every few seconds. */
export const HEARTBEAT = Type.Object(
  { threads: Type.Integer({ minimum: 1, maximum: 65_536 }) },
  strict,
);

/** Configuration and driver of a campaign, for workers that trust it. */
export const CODE = Type.Object(
  {
    config: Type.String(),
    bundle: Type.Object(
      {
        name: text,
        code: Type.String(),
        binary: Type.Boolean(),
        files: Type.Array(
          Type.Object(
            { file: text, text: Type.String(), first: count, lines: Type.Array(count) },
            strict,
          ),
        ),
        args: Type.Record(Type.String(), Type.Unknown()),
      },
      strict,
    ),
  },
  strict,
);

/** What a campaign says about itself. */
export const MANIFEST = Type.Object(
  {
    version: Type.Literal(1),
    kind: Type.Union([Type.Literal('driver'), Type.Literal('kernel')]),
    /** What must be the same on every machine, in words and digests. */
    facts: Type.Record(Type.String({ maxLength: 40 }), Type.String({ maxLength: 200 })),
    driver: text,
    guest: text,
    seed: count,
    recoverNs: Type.Optional(Type.Number({ minimum: 0 })),
    without: Type.Array(oracle, { maxItems: ORACLES.length }),
    queues: Type.Array(count, { maxItems: LIST_MAX }),
    featureCount: feature,
    identity: HASH,
    code: Type.Optional(HASH),
  },
  strict,
);
export type Manifest = Static<typeof MANIFEST>;
