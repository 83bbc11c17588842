// SPDX-License-Identifier: Apache-2.0
// Something a kernel did that the model does not, or that no kernel should do, with the fewest operations that show it.
// Source: docs/oracle.md.
import type { GoldenDifference } from '../sysfs/golden-kinds.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import type { RecordedComplaint } from '../sysfs/recording.ts';
import { type RecorderKernel, type RecordingHead, recordingText } from './run.ts';
import { type Shows, shrink } from './shrink.ts';

export interface RecorderFinding {
  readonly seed: number | undefined;
  /** Operations of the sequence up to it. */
  readonly length: number;
  /** The fewest that show it, and the recording of them. */
  readonly operations: readonly RecordedOperation[];
  readonly recording: string;
  /** Number of runs that it took to make it short. */
  readonly runs: number;
  readonly complaint?: RecordedComplaint;
  readonly difference?: GoldenDifference;
}

/** Where something was found: after the last of `operations`. */
export interface Found {
  readonly kernel: RecorderKernel;
  readonly seed: number | undefined;
  readonly operations: readonly RecordedOperation[];
  readonly head: RecordingHead;
  readonly signal: AbortSignal;
}

/** Makes a finding short; undefined: interrupted. */
export async function shortest(
  { kernel, seed, operations, head, signal }: Found,
  shows: Shows,
): Promise<RecorderFinding | undefined> {
  const shrunk = await shrink(operations, async (some) => !signal.aborted && (await shows(some)));
  const run = await kernel.run(shrunk.operations, signal);
  if (signal.aborted) return undefined;
  const recording = recordingText(run, shrunk.operations, head);
  return { seed, length: operations.length, ...shrunk, recording };
}

/** The fewest operations under which a kernel complains of the same; undefined: interrupted. */
export async function shortestComplaint(
  found: Found,
  complaint: RecordedComplaint,
): Promise<RecorderFinding | undefined> {
  const same = complaintText(complaint);
  const finding = await shortest(found, async (operations) => {
    const { complaint: again } = await found.kernel.run(operations, found.signal);
    return again !== undefined && complaintText(again) === same;
  });
  return finding === undefined ? undefined : { ...finding, complaint };
}

/** The part of a complaint that tells it from others. */
export const complaintText = ({ name, place, line }: RecordedComplaint): string =>
  place === '' ? `${name}: ${line}` : `${name} in ${place}`;
