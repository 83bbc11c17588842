// SPDX-License-Identifier: Apache-2.0
// Recordings of a real kernel's sysfs: one JSON array a line, in the plain and in the extended format.
// Source: test/golden/README.md (format).
import { ApemuError } from '../errors.ts';
import {
  type GoldenPartition,
  OPERATOR_ACTIONS,
  type OperatorActions,
  type RecordedOperation,
} from './recorded-operation.ts';

/** What a recording says of the kernel it comes from. */
export interface RecordedKernel {
  /** Release as in `uname -r`. */
  readonly release?: string;
  /** Behaviour profile it is replayed in. */
  readonly profile?: string;
  /** Switches in which this build differs from its profile. */
  readonly switches?: Readonly<Record<string, string | number | boolean>>;
  /** Microseconds from boot to time 0 of the recording. */
  readonly bootUs?: number;
  /** When work in the background got its turn, and where the run paused: found by replaying (golden-search.ts). */
  readonly turns?: Readonly<Record<number, number>>;
  readonly pauses?: Readonly<Record<number, number>>;
}

/** What a kernel said when something was wrong with it. */
export interface RecordedComplaint {
  /** Kind of the message: an Oops, a WARNING, … */
  readonly name: string;
  /** Text of the message. */
  readonly line: string;
  /** The function in which it happened; empty: not known. */
  readonly place: string;
}

export type RecordedLine =
  | readonly ['kernel', RecordedKernel]
  | readonly ['time', number]
  | readonly ['write', string, string, string]
  | readonly ['read', string, string, string?]
  | readonly ['driver', string, string | null]
  | readonly ['list', string, string, (readonly string[])?]
  | readonly ['link', string, string, boolean]
  | readonly ['partition', GoldenPartition]
  | readonly ['host', OperatorActions]
  | readonly ['uevent', string]
  /** The operation under which the kernel complained; a recording ends with it. */
  | readonly ['complaint', RecordedOperation, RecordedComplaint];

const isText = (value: unknown): boolean => typeof value === 'string';
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
const isTime = (value: unknown): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isIds = (value: unknown): boolean => Array.isArray(value) && value.every(isId);

function isPartition(value: unknown): boolean {
  if (!isObject(value)) return false;
  return isIds(value.adapters) && isIds(value.usageDomains) && isIds(value.controlDomains);
}

function isAction(value: unknown): boolean {
  if (!isObject(value)) return false;
  const [entry, ...more] = Object.entries(value);
  const known: readonly string[] = OPERATOR_ACTIONS;
  return entry !== undefined && more.length === 0 && known.includes(entry[0]) && isId(entry[1]);
}

/** Whether a value is a record of numbers by number, or absent. */
const isCounted = (value: unknown): boolean =>
  value === undefined ||
  (isObject(value) &&
    Object.entries(value).every(([n, at]) => /^\d+$/.test(n) && Number.isSafeInteger(at)));

function isKernel(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { release, profile, switches, bootUs, turns, pauses } = value;
  return (
    [release, profile].every((text) => text === undefined || isText(text)) &&
    (switches === undefined || isObject(switches)) &&
    [turns, pauses].every(isCounted) &&
    (bootUs === undefined || (Number.isInteger(bootUs) && (bootUs as number) >= 0))
  );
}

/** Whether it is an operation without what came out. */
function isOperation(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [verb, ...rest] = value;
  if (verb === 'partition' || verb === 'host') return SHAPES[verb as 'host'](rest);
  const verbs: readonly unknown[] = ['write', 'read', 'files', 'list', 'link'];
  return verbs.includes(verb) && rest.length === (verb === 'write' ? 2 : 1) && rest.every(isText);
}

const isComplaint = (value: unknown): boolean =>
  isObject(value) && [value.name, value.line, value.place].every(isText);

/** The shape of each kind of line. */
const SHAPES: Readonly<Record<RecordedLine[0], (rest: readonly unknown[]) => boolean>> = {
  kernel: (r) => r.length === 1 && isKernel(r[0]),
  time: (r) => r.length === 1 && isTime(r[0]),
  write: (r) => r.length === 3 && r.every(isText),
  read: (r) => (r.length === 2 || r.length === 3) && r.every(isText),
  driver: (r) => r.length === 2 && isText(r[0]) && (r[1] === null || isText(r[1])),
  list: (r) =>
    (r.length === 2 && r.every(isText)) ||
    (r.length === 3 && isText(r[0]) && r[1] === 'ok' && Array.isArray(r[2]) && r[2].every(isText)),
  link: (r) => r.length === 3 && isText(r[0]) && isText(r[1]) && typeof r[2] === 'boolean',
  partition: (r) => r.length === 1 && isPartition(r[0]),
  host: (r) => r.length === 1 && isAction(r[0]),
  uevent: (r) => r.length === 1 && isText(r[0]),
  complaint: (r) => r.length === 2 && isOperation(r[0]) && isComplaint(r[1]),
};

function parseLine(text: string, file: string, line: number): RecordedLine {
  const bad = (cause?: unknown): ApemuError =>
    new ApemuError('APEMU_ERR_GOLDEN_LINE', `not a line of a recording: ${text.slice(0, 120)}`, {
      place: { file, line },
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad(cause);
  }
  if (!Array.isArray(value) || typeof value[0] !== 'string') throw bad();
  const shape = Object.hasOwn(SHAPES, value[0]) ? SHAPES[value[0] as RecordedLine[0]] : undefined;
  if (shape === undefined || !shape(value.slice(1))) throw bad();
  return value as unknown as RecordedLine;
}

/** A line, and its number from 1. */
export interface NumberedLine {
  readonly line: RecordedLine;
  readonly number: number;
}

/**
 * The lines of a recording, one at a time; empty lines are left out.
 * @throws ApemuError APEMU_ERR_GOLDEN_LINE with file and line for text that is no recording
 */
export function* recordedLines(text: string, file: string): Iterable<NumberedLine> {
  let start = 0;
  for (let number = 1; start <= text.length; number++) {
    const end = text.indexOf('\n', start);
    const raw = text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length + 1 : end + 1;
    if (raw.trim() !== '') yield { line: parseLine(raw, file, number), number };
  }
}

/** What the first line says of the kernel; nothing if it says nothing. */
export function recordedKernel(text: string, file: string): RecordedKernel {
  for (const { line } of recordedLines(text, file)) return line[0] === 'kernel' ? line[1] : {};
  return {};
}
