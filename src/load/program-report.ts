// SPDX-License-Identifier: Apache-2.0
// What a runner hands over of one guest program: its own plain state and the counters of its vCPU.
// Source: docs/design.md section 4. The worker pool's VcpuReport has this shape; the folders do not import each other.

/** One guest program on one vCPU, running or ended. */
export interface ProgramReport {
  readonly guestName: string;
  /** Number of the guest in the image. */
  readonly guest: number;
  readonly vcpu: number;
  readonly program: string;
  /** AP instructions executed. */
  readonly executed: number;
  readonly done: boolean;
  /** Why the program failed, if it did. */
  readonly failure: string | undefined;
  readonly state: unknown;
  /** As src/guest/counters.ts has them. */
  readonly counters: Int32Array;
}
