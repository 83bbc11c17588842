// SPDX-License-Identifier: Apache-2.0
// What a runner hands over about one guest program: the program's own plain state, and the counters of its vCPU.
// Source: docs/design.md section 4. The worker pool's VcpuReport has this shape; the folders do not import each other.

/** One guest program on one vCPU. It may be running or have ended. */
export interface ProgramReport {
  readonly guestName: string;
  /** Number of the guest in the image. */
  readonly guest: number;
  readonly vcpu: number;
  readonly program: string;
  /** Number of AP instructions executed. */
  readonly executed: number;
  readonly done: boolean;
  /** Message of what the program threw, if it failed. */
  readonly failure: string | undefined;
  readonly state: unknown;
  /** Counters as in src/guest/counters.ts. */
  readonly counters: Int32Array;
}
