// SPDX-License-Identifier: Apache-2.0
// Replays recordings of a real kernel's sysfs against a host side: one JSON array a line, first difference reported.
// Source: test/golden/README.md (format).

import { finish } from '../ap-bus/operation.ts';
import { ApemuError } from '../errors.ts';
import type { Sysfs } from './sysfs.ts';

/** Activation profile as a recording gives it. */
export interface GoldenPartition {
  readonly adapters: readonly number[];
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
}

/** What a recording is replayed on. */
export interface GoldenHost {
  readonly sysfs: Sysfs;
  /** The partition is this from here on; the host learns of it at its next scan. */
  setPartition(partition: GoldenPartition): void;
  /** Lets virtual time pass while an operation sleeps. */
  advance(deltaNs: number): void;
}

/** A line whose outcome is not what was recorded. */
export interface GoldenDifference {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly operation: string;
  readonly expected: string;
  readonly actual: string;
}

/** Counts of lines looked at, and the first difference if there is one. */
export interface GoldenResult {
  readonly file: string;
  readonly writes: number;
  readonly reads: number;
  readonly drivers: number;
  readonly partitions: number;
  readonly differences: number;
  readonly first: GoldenDifference | undefined;
}

type Line =
  | readonly ['write', string, string, string]
  | readonly ['read', string, string, string?]
  | readonly ['driver', string, string | null]
  | readonly ['partition', GoldenPartition];

const isNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.every((n) => Number.isInteger(n) && n >= 0 && n <= 255);

function isPartition(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { adapters, usageDomains, controlDomains } = value as Record<string, unknown>;
  return isNumbers(adapters) && isNumbers(usageDomains) && isNumbers(controlDomains);
}

/** Shape of each kind of line. */
const SHAPES: Readonly<Record<string, (rest: readonly unknown[]) => boolean>> = {
  write: (r) => r.length === 3 && r.every((part) => typeof part === 'string'),
  read: (r) => (r.length === 2 || r.length === 3) && r.every((part) => typeof part === 'string'),
  driver: (r) =>
    r.length === 2 && typeof r[0] === 'string' && (r[1] === null || typeof r[1] === 'string'),
  partition: (r) => r.length === 1 && isPartition(r[0]),
};

function parseLine(text: string, file: string, line: number): Line {
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
  const shape = Object.hasOwn(SHAPES, value[0]) ? SHAPES[value[0]] : undefined;
  if (shape === undefined || !shape(value.slice(1))) throw bad();
  return value as unknown as Line;
}

/** Outcome of one line on this host, in the form the recording has it. */
function perform(host: GoldenHost, line: Line): string {
  const { sysfs } = host;
  const drive = (waitNs: number): void => host.advance(waitNs);
  switch (line[0]) {
    case 'write':
      return JSON.stringify(finish(sysfs.write(line[1], line[2]), drive));
    case 'read': {
      const result = finish(sysfs.readOperation(line[1]), drive);
      return JSON.stringify(result.ok ? ['ok', result.text] : [result.errno]);
    }
    case 'driver': {
      const driver = sysfs.readlink(`${line[1]}/driver`);
      return JSON.stringify(driver.ok ? driver.text.slice(driver.text.lastIndexOf('/') + 1) : null);
    }
    case 'partition':
      host.setPartition(line[1]);
      return 'null';
  }
}

function expectation(line: Line): string {
  if (line[0] === 'partition') return 'null';
  if (line[0] === 'read') return JSON.stringify(line.slice(2));
  return JSON.stringify(line[0] === 'write' ? line[3] : line[2]);
}

/**
 * Replays one recording to its end. Differences are counted, the first is told.
 * Throws ApemuError APEMU_ERR_GOLDEN_LINE with file and line if the text is no recording.
 */
export function replayGolden(host: GoldenHost, text: string, file: string): GoldenResult {
  const counts = { write: 0, read: 0, driver: 0, partition: 0 };
  let differences = 0;
  let first: GoldenDifference | undefined;
  let number = 0;
  for (const raw of text.split('\n')) {
    number++;
    if (raw.trim() === '') continue;
    const line = parseLine(raw, file, number);
    counts[line[0]]++;
    const expected = expectation(line);
    const actual = perform(host, line);
    if (actual === expected) continue;
    differences++;
    const operation = JSON.stringify(line[0] === 'write' ? line.slice(0, 3) : line.slice(0, 2));
    first ??= { file, line: number, operation, expected, actual };
  }
  return {
    file,
    writes: counts.write,
    reads: counts.read,
    drivers: counts.driver,
    partitions: counts.partition,
    differences,
    first,
  };
}
