// SPDX-License-Identifier: Apache-2.0
// Reads what `apemu run --json` wrote, the figures of a run or the points of a sweep, for comparing two of them.
// Source: docs/load.md.

import type { FileKind } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import { MIB } from '../units.ts';

/** Limits of such a file: a run has at most 512 samples and some hundred other records. */
export const RUN_FILE: FileKind = {
  name: 'run',
  code: 'APEMU_ERR_REPORT_READ',
  maxBytes: 64 * MIB,
  maxLines: 100_000,
};

/** One record. Its numbers are checked where they are used, by name. */
export type RunRecord = Readonly<Record<string, unknown>> & { readonly record: string };

export interface RunFile {
  readonly file: string;
  readonly kind: 'run' | 'sweep';
  readonly records: readonly RunRecord[];
}

/** A number of a record; undefined if the record does not have it. */
export const numberOf = (record: RunRecord | undefined, name: string): number | undefined => {
  const value = record?.[name];
  return typeof value === 'number' ? value : undefined;
};

export const recordsOf = ({ records }: RunFile, kind: string): readonly RunRecord[] =>
  records.filter(({ record }) => record === kind);

/**
 * Reads the records of a run or a sweep.
 *
 * @throws ApemuError `APEMU_ERR_REPORT_…` with the line if the text is not such a file
 */
export const parseRunFile = (text: string, file: string): RunFile => {
  const records = text.split('\n').flatMap((line, n): RunRecord[] => {
    if (line.trim() === '') return [];
    return [recordOf(line, { file, line: n + 1 })];
  });
  const has = (kind: string): boolean => records.some(({ record }) => record === kind);
  if (has('run')) return { file, kind: 'run', records };
  if (has('point')) return { file, kind: 'sweep', records };
  throw new ApemuError(
    'APEMU_ERR_REPORT_KIND',
    'there is neither a run nor a point of a sweep in it (expected the output of apemu run --json)',
    { place: { file } },
  );
};

const recordOf = (
  line: string,
  place: { readonly file: string; readonly line: number },
): RunRecord => {
  const wrong = (why: string): ApemuError =>
    new ApemuError('APEMU_ERR_REPORT_LINE', `${why} (expected a record of apemu run --json)`, {
      place,
    });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw wrong('the line is no JSON');
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    !('record' in value) ||
    typeof value.record !== 'string'
  )
    throw wrong('the line has no name of its record');
  return value as RunRecord;
};
