// SPDX-License-Identifier: Apache-2.0
// Records operations on a kernel; where it complains, finds the fewest that make it.
// Source: docs/oracle.md.
import type { KernelProfileName } from '../config/types.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import { type RecorderFinding, shortestComplaint } from './finding.ts';
import { profileOfRelease, type RecorderKernel, type RecorderRun, recordingText } from './run.ts';

export interface RecordOptions {
  readonly kernel: RecorderKernel;
  readonly operations: readonly RecordedOperation[];
  /** Seed from which the operations are made. */
  readonly seed: number | undefined;
  /** The profile the recording names; default: the one nearest to the release. */
  readonly profile: KernelProfileName | undefined;
  readonly signal: AbortSignal;
  /** Called with the run, before a complaint is made short. */
  readonly onRun?: (run: RecorderRun) => void;
}

export interface Recorded {
  readonly run: RecorderRun;
  readonly recording: string;
  readonly finding: RecorderFinding | undefined;
}

export async function record(options: RecordOptions): Promise<Recorded> {
  const { kernel, operations, seed, signal } = options;
  const run = await kernel.run(operations, signal);
  options.onRun?.(run);
  const head = { profile: options.profile ?? profileOfRelease(run.release) };
  const recording = recordingText(run, operations, head);
  const { complaint } = run;
  if (complaint === undefined) return { run, recording, finding: undefined };
  const until = operations.slice(0, run.lines.length + 1);
  const found = { kernel, seed, operations: until, head, signal };
  return { run, recording, finding: await shortestComplaint(found, complaint) };
}
