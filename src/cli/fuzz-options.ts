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
  /** A second kernel, given as `kernel` is. */
  readonly against?: string;
  readonly from?: string;
  readonly portable?: boolean;
  /** The kernel is a host. */
  readonly lpar?: boolean;
  readonly blind?: boolean;
  readonly planted?: boolean;
  readonly self?: boolean;
  readonly replay?: string;
  readonly seed: number;
  readonly cases: number;
  /** Duration in nanoseconds. */
  readonly time?: number;
  readonly workers?: number;
  /** Address of a Redis: the cases are executed by workers on other machines. */
  readonly queue?: string;
  /** Highest number of jobs in a generation, and of cases in a job. */
  readonly jobs?: number;
  readonly jobCases?: number;
  readonly out: string;
  readonly guest?: string;
  readonly without?: ReadonlySet<OracleName>;
  /** Virtual nanoseconds in which a driver must recover. */
  readonly recoverWithin?: number;
  /** A port for the page; true: any. */
  readonly http?: number | true;
  readonly junit?: string;
  readonly json?: boolean;
  readonly count: number;
  readonly lines: number;
  readonly save?: string;
  readonly keepConfig?: boolean;
}
