// SPDX-License-Identifier: Apache-2.0
// A run of operations on a kernel: what came out of each, and how it ended. As the text of a recording.
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
  /** As `uname -r` says. */
  readonly release: string;
  /** Whether it has a vfio_ap driver. */
  readonly vfioAp: boolean;
  /** Microseconds from boot to time 0; undefined: not known. */
  readonly bootUs: number | undefined;
  /** Lines of each operation, as far as it got. */
  readonly lines: readonly (readonly RecordedLine[])[];
  /** What the kernel complained of, under the operation after the last line. */
  readonly complaint?: RecordedComplaint;
}

/** What the first line of a recording says besides the release. */
export interface RecordingHead {
  readonly profile: string;
  readonly switches?: Readonly<Record<string, string | number | boolean>>;
}

/** Where the lines of each operation are in the text of a recording. */
export const lineOperations = ({ lines }: RecorderRun): number[] => [
  -1,
  ...lines.flatMap((own, operation) => own.map(() => operation)),
];

/** The recording of a run. */
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
