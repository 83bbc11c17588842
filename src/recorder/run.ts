// SPDX-License-Identifier: Apache-2.0
// A run of operations on a kernel: the outcome of each, and how the run ended. Also makes the text of a recording from it.
// Source: test/golden/README.md (format).
import { ApemuError } from '../errors.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import type { RecordedComplaint, RecordedLine } from '../sysfs/recording.ts';

/** What operations are recorded on: a kernel under QEMU, or the model in its place. */
export interface RecorderKernel {
  /** What the recording says of its circumstances is all there is to know. */
  readonly exact: boolean;
  /**
   * Performs operations on a kernel that has just booted. Ends early when the kernel complains, or when `signal` aborts.
   * @throws ApemuError when it does not boot, or ends
   */
  run(operations: readonly RecordedOperation[], signal: AbortSignal): Promise<RecorderRun>;
  close(): Promise<void>;
}

export interface RecorderRun {
  /** Release as in `uname -r`. */
  readonly release: string;
  /** Whether the kernel has the vfio_ap driver. */
  readonly vfioAp: boolean;
  /** Microseconds from boot to time 0; undefined: not known. */
  readonly bootUs: number | undefined;
  /** Lines of each operation, as far as it got. */
  readonly lines: readonly (readonly RecordedLine[])[];
  /** What the kernel complained of, under the operation after the last line. */
  readonly complaint?: RecordedComplaint;
}

/** What the first line of a recording says in addition to the release. */
export interface RecordingHead {
  readonly profile: string;
  readonly switches?: Readonly<Record<string, string | number | boolean>>;
}

/** For each line in the text of a recording, the operation it belongs to. */
export const lineOperations = ({ lines }: RecorderRun): number[] => [
  -1,
  ...lines.flatMap((own, operation) => own.map(() => operation)),
];

/** The text of a run's recording. */
export function recordingText(
  run: RecorderRun,
  operations: readonly RecordedOperation[],
  head: RecordingHead,
): string {
  const kernel = {
    release: run.release,
    ...head,
    ...(run.bootUs === undefined ? {} : { bootUs: run.bootUs }),
  };
  const all: unknown[] = [['kernel', kernel], ...run.lines.flat()];
  const last = operations[run.lines.length];
  if (run.complaint !== undefined && last !== undefined)
    all.push(['complaint', last, run.complaint]);
  return `${all.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

/** Releases from which a profile is the nearest one, the newest first. Source: docs/reference/vfio-ap.md section 9. */
const PROFILE_SINCE = [
  [6, 19, 'linux-7.2'],
  [6, 4, 'linux-6.12'],
  [0, 0, 'linux-6.1'],
] as const;

/**
 * The behaviour profile nearest to a release, such as `6.12.95+deb13-s390x`.
 * @throws ApemuError APEMU_ERR_GOLDEN_KERNEL for what is no release
 */
export function profileOfRelease(release: string): (typeof PROFILE_SINCE)[number][2] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const row = PROFILE_SINCE.find(
    ([from, least]) => Number(major) > from || (Number(major) === from && Number(minor) >= least),
  );
  if (row !== undefined) return row[2];
  throw new ApemuError('APEMU_ERR_GOLDEN_KERNEL', `no release of Linux: ${release.slice(0, 60)}`);
}
