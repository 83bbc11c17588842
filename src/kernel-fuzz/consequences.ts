// SPDX-License-Identifier: Apache-2.0
// Events for which it is known what a kernel does about them.
// Source: docs/reference/messages.md section 3.1 (error replies).
import { REPLY_CODES } from '../cex/messages/reply-codes.ts';
import type { ScenarioEvent } from '../program/events.ts';

const ASKS: ReadonlySet<ScenarioEvent['kind']> = new Set(['request', 'read']);
/** Reply codes by which a card says that something is wrong with a request. */
const REFUSALS: ReadonlySet<number> = new Set(
  REPLY_CODES.filter(({ errno }) => errno === 'EINVAL').map(({ code }) => code),
);

/** Whether an event makes a kernel send each message exactly once. */
export const asks = ({ kind }: ScenarioEvent): boolean => ASKS.has(kind);

/** The same, or a card refuses the request in a form that the driver of each type knows, so that it has nothing to do with the queue. */
export const asksOrRefuses = (event: ScenarioEvent): boolean =>
  asks(event) ||
  (event.kind === 'reply' &&
    event.reply.kind === 'code' &&
    event.reply.in === '82' &&
    REFUSALS.has(event.reply.code));
