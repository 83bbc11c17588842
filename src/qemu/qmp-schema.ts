// SPDX-License-Identifier: Apache-2.0
// Schemas of the messages of QEMU's monitor that are used. Whoever answers at the socket may not be a QEMU, so nothing is accepted that
// does not fit a schema.
// Source: QEMU, docs/interop/qmp-spec (greeting, events, replies) and the QMP reference of each command.

import Type, { type Static } from 'typebox';
import { MAILBOX_COUNT } from './hook-layout.ts';

/** The greeting: the first message of QEMU's monitor. */
export const GREETING = Type.Object({ QMP: Type.Object({}) });

/** An asynchronous message, for example RESET or SHUTDOWN. */
export const EVENT = Type.Object({
  event: Type.String(),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** The reply to a command that was executed. */
export const RETURN = Type.Object({ return: Type.Unknown() });

/** The reply to a command that was refused. */
export const REFUSAL = Type.Object({ error: Type.Object({ desc: Type.String() }) });

const NOTHING = Type.Object({});

/** The commands, and what they return. */
export const COMMANDS = {
  qmp_capabilities: NOTHING,
  stop: NOTHING,
  cont: NOTHING,
  device_add: NOTHING,
  migrate: NOTHING,
  'migrate-incoming': NOTHING,
  'migrate-set-capabilities': NOTHING,
  'query-migrate': Type.Object({ status: Type.Optional(Type.String()) }),
  'query-status': Type.Object({ status: Type.String(), running: Type.Boolean() }),
  'query-hotpluggable-cpus': Type.Array(
    Type.Object({ 'vcpus-count': Type.Integer({ minimum: 1, maximum: MAILBOX_COUNT }) }),
    { minItems: 1, maxItems: MAILBOX_COUNT },
  ),
  'query-cpus-fast': Type.Array(
    Type.Object({
      'cpu-index': Type.Integer({ minimum: 0, maximum: MAILBOX_COUNT - 1 }),
      'cpu-state': Type.String(),
    }),
    { maxItems: MAILBOX_COUNT },
  ),
  'human-monitor-command': Type.String(),
  'qom-get': Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
} as const;

export type Command = keyof typeof COMMANDS;
export type Returned<C extends Command> = Static<(typeof COMMANDS)[C]>;
