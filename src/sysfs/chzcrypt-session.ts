// SPDX-License-Identifier: Apache-2.0
// What the parts of chzcrypt work on.
import type { ReleaseRow } from '../s390-tools/releases.ts';
import type { ToolRun } from '../s390-tools/result.ts';
import type { Sysfs } from './sysfs.ts';

export interface Session {
  readonly sysfs: Sysfs;
  readonly run: ToolRun;
  readonly release: ReleaseRow;
  /** Prints a text, with -V only. */
  verbose(text: string): void;
}
