// SPDX-License-Identifier: Apache-2.0
// What the agent in the guest prints, as lines of a recording.
// Source: agent-program.ts beside this file; errno numbers: Linux, include/uapi/asm-generic/errno.h.
import { constants } from 'node:os';
import { linkLine, listLine, readLine } from '../sysfs/recorded-line.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import type { RecordedLine } from '../sysfs/recording.ts';

/** One line that the agent has printed. */
export interface AgentLine {
  /** Number of the operation, from 1; 0: before the first one. */
  readonly number: number;
  readonly letter: string;
  /** errno; for T microseconds, and for W a negative number of bytes that were taken. */
  readonly value: number;
  readonly text: string;
}

const LINE = /^@(\d+) ([A-Z.]) (-?\d+)(?: (.*))?$/;

const plain = (text: string): string =>
  text.replace(/%([0-9A-F]{2})/g, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

/** A line of the console; undefined: it is not the agent's. */
export function agentLine(console: string): AgentLine | undefined {
  const match = LINE.exec(console);
  if (match === null) return undefined;
  const [, number, letter, value, text] = match;
  return { number: Number(number), letter, value: Number(value), text: plain(text ?? '') };
}

/** Names by Linux's numbers; Node has this computer's, some of them twice. */
const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  [11, 'EAGAIN'],
  [87, 'EUSERS'],
  [95, 'EOPNOTSUPP'],
]);

const errnoName = (number: number): string =>
  number === 0 ? 'ok' : (NAMES.get(number) ?? `errno ${number}`);

/** Lines of the recording for one of the agent's; none where it only tells us something. */
export function recordedLine(
  { letter, value, text }: AgentLine,
  operation: RecordedOperation,
): readonly RecordedLine[] {
  const [verb, path] = operation;
  if (letter === 'T') return [['time', value]];
  if (letter === 'U') return [['uevent', text]];
  if (letter === 'H') return verb === 'partition' || verb === 'host' ? [operation] : [];
  const outcome = errnoName(value);
  switch (verb) {
    case 'write':
      if (letter !== 'W') return [];
      return [['write', path, operation[2], value < 0 ? `partial ${-value}` : outcome]];
    case 'read':
      return letter === 'R' ? [readLine(path, outcome, text)] : [];
    case 'files': {
      if (letter !== 'F') return [];
      const at = text.indexOf(' ');
      return [readLine(`${path}/${text.slice(0, at)}`, outcome, text.slice(at + 1))];
    }
    case 'list': {
      if (letter !== 'D') return [];
      const names = text === '' ? [] : text.split(' ');
      return [listLine(path, outcome, names)];
    }
    case 'link':
      return letter === 'L' ? [linkLine(path, outcome, text)] : [];
    default:
      return [];
  }
}
