// SPDX-License-Identifier: Apache-2.0
// Short sequences that single random lines would hardly ever hit: a full queue, parts, interruptions, resets, bindings.
// Source: docs/reference/ap-architecture.md sections 1.5, 1.6, 5.6, AD-10, AD-19.

import type { Random } from '../lpar/random.ts';
import type { Statement } from '../program/ast.ts';
import { type InstructionContext, messageOperands } from './generate-instruction.ts';
import { clockLine, instructionLine, ioLine } from './statements.ts';

type Scene = (context: InstructionContext, apqn: number, random: Random) => Statement[];

const MESSAGE_AT = 0x3000;
const BUFFER_AT = 0x8000;

/** Requests until the queue must be full, then replies. */
const fill: Scene = ({ cpu }, apqn, random) => [
  ...Array.from({ length: 17 }, (_, n) =>
    instructionLine(cpu, 'nqap', apqn, { psmid: n + 1, addr: MESSAGE_AT, len: 64 }),
  ),
  clockLine(random.pick([100_000, 'run'])),
  ...Array.from({ length: random.below(18) }, () =>
    instructionLine(cpu, 'dqap', apqn, { addr: BUFFER_AT, len: 4096 }),
  ),
];

/** Parts that fill a message up to its limit and beyond. */
const parts: Scene = ({ cpu }, apqn, random) => [
  instructionLine(cpu, 'nqap', apqn, {
    psmid: 5,
    addr: 0x4000,
    len: random.pick([8, 12280, 12288]),
    l: 0,
  }),
  instructionLine(cpu, 'nqap', apqn, {
    psmid: 5,
    addr: MESSAGE_AT,
    len: random.pick([8, 9]),
    l: random.below(2),
  }),
  instructionLine(cpu, 'nqap', apqn, { psmid: random.pick([5, 6]), addr: MESSAGE_AT, len: 8 }),
  clockLine('run'),
  instructionLine(cpu, 'dqap', apqn, { addr: BUFFER_AT, len: random.pick([4, 64, 12288]) }),
];

/** Interruptions on, a message, the interruption, interruptions off. */
const interruptions: Scene = ({ cpu }, apqn, random) => [
  instructionLine(cpu, 'aqic', apqn, {
    ir: 1,
    isc: random.below(8),
    nib: 0x1800 + random.below(8),
  }),
  clockLine('run'),
  instructionLine(cpu, 'nqap', apqn, { psmid: 7, ...messageOperands(random) }),
  clockLine(random.pick([100_000, 'run'])),
  ioLine(cpu),
  instructionLine(cpu, 'dqap', apqn, { addr: BUFFER_AT, len: 4096 }),
  instructionLine(cpu, 'aqic', apqn, { ir: 0 }),
  clockLine(random.pick([1_000, 'run'])),
];

/** A reset of a queue with messages, looked at while it runs. */
const reset: Scene = ({ cpu }, apqn, random) => [
  instructionLine(cpu, 'nqap', apqn, { psmid: 9, addr: MESSAGE_AT, len: 64 }),
  instructionLine(cpu, random.pick(['rapq', 'zapq']), apqn, {}),
  instructionLine(cpu, random.pick(['tapq', 'dqap', 'nqap', 'zapq', 'aqic']), apqn, {}),
  clockLine(random.pick([1_000_000, 'run'])),
];

/** A secure guest binds and associates. */
const binding: Scene = ({ cpu }, apqn, random) => [
  instructionLine(cpu, 'rapq', apqn, { f: random.below(2) }),
  clockLine('run'),
  instructionLine(cpu, 'bapq', apqn, {}),
  instructionLine(cpu, 'aapq', apqn, { secret: random.pick([0, 1, 7, 0xffff]) }),
  clockLine(random.pick([1_000, 'run'])),
  instructionLine(cpu, 'nqap', apqn, { psmid: 11, addr: MESSAGE_AT, len: 64 }),
];

const SCENES: readonly Scene[] = [fill, parts, interruptions, interruptions, reset, binding];

/** A scene on the queue the guest works with, or a pause where it has none. */
export const sceneLines = (context: InstructionContext, random: Random): Statement[] => {
  if (context.focus === undefined || context.cpu.guest === undefined) return [clockLine('run')];
  return random.pick(SCENES)(context, context.focus, random);
};
