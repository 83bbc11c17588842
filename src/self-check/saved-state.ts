// SPDX-License-Identifier: Apache-2.0
// What the state of a run must be to go on from it: the file may be damaged, another program's, or edited.
import Type from 'typebox';
import { Check } from 'typebox/value';
import type { CampaignState } from './campaign.ts';

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const byName = Type.Record(Type.String(), count);

const STATE = Type.Object({
  version: Type.Literal(1),
  identity: Type.String(),
  streams: count,
  statistics: Type.Object({
    lines: count,
    instructions: count,
    endings: Type.Record(Type.String(), byName),
    messages: Type.Object({ accepted: count, answered: count, flushed: count, lost: count }),
  }),
  broken: byName,
  findings: Type.Array(Type.String()),
});

export const isCampaignState = (value: unknown): value is CampaignState => Check(STATE, value);
