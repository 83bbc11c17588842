// SPDX-License-Identifier: Apache-2.0
// What the state of a campaign must be to go on from it: the file may be damaged, another program's, or edited.
import Type from 'typebox';

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const counts = Type.Array(count);
const text = Type.String();
const counted = Type.Array(Type.Tuple([text, count]));
const execution = { fn: count, apqn: count };

const SEEN = Type.Object({
  executions: Type.Array(Type.Object({ ...execution, count })),
  states: Type.Array(Type.Object({ ...execution, state: count, n: count })),
});

const FINDING = Type.Object({
  id: Type.String({ pattern: '^[a-z0-9-]+$' }),
  lines: text,
  violation: Type.Object({ oracle: text, way: text, did: text, expected: text }),
  stable: Type.Boolean(),
  trace: Type.Array(text),
  place: Type.Optional(text),
  cases: count,
  by: Type.Optional(text),
});

/** `SavedState` of campaign-state.ts, but for version and identity. */
export const SAVED_STATE = Type.Object({
  code: text,
  generation: count,
  cases: count,
  executed: count,
  ns: Type.Number({ minimum: 0 }),
  corpus: Type.Array(Type.Tuple([text, counts, SEEN, count])),
  hits: Type.Array(Type.Tuple([count, count])),
  firsts: Type.Array(Type.Tuple([count, text])),
  findings: Type.Array(FINDING),
  broken: counted,
  shortened: counted,
  advice: counted,
  places: counts,
  tried: Type.Array(text),
});
