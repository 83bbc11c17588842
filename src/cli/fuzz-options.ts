// SPDX-License-Identifier: Apache-2.0
// Options of `apemu fuzz`.
// Source: docs/design.md sections 7 and 10.

import type { OracleName } from '../oracle/oracles.ts';

export interface FuzzOptions {
  readonly driver?: string;
  /** A series, a file; true: our newest. */
  readonly kernel?: string | true;
  readonly initrd?: string;
  readonly append?: string;
  readonly cover?: RegExp;
  readonly vmlinux?: readonly string[];
  /** A second kernel, as `kernel`. */
  readonly against?: string;
  readonly from?: string;
  readonly portable?: boolean;
  readonly blind?: boolean;
  readonly planted?: boolean;
  readonly self?: boolean;
  readonly replay?: string;
  readonly seed: number;
  readonly cases: number;
  /** Nanoseconds. */
  readonly time?: number;
  readonly workers?: number;
  /** Address of a Redis: the cases are executed by workers on other machines. */
  readonly queue?: string;
  /** Jobs of a generation at most, and cases of a job. */
  readonly jobs?: number;
  readonly jobCases?: number;
  readonly out: string;
  readonly guest?: string;
  readonly without?: ReadonlySet<OracleName>;
  /** Virtual nanoseconds. */
  readonly recoverWithin?: number;
  /** A port; true: any. */
  readonly http?: number | true;
  readonly junit?: string;
  readonly json?: boolean;
  readonly count: number;
  readonly lines: number;
  readonly save?: string;
  readonly keepConfig?: boolean;
}
