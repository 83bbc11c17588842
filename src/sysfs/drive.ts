// SPDX-License-Identifier: Apache-2.0
// Drives a host operation until it ends, or until only somebody else can let it go on.
// Source: docs/design.md section 4 (a line ends when its operation has ended; one that cannot end yet is pending).
import type { Operation } from '../ap-bus/operation.ts';

/** Where an operation stands. */
export type Driven<T> = { readonly ended: true; readonly value: T } | { readonly ended: false };

/** How long a lock is waited for: who holds it that long may need a later line to go on (hung_task_timeout_secs of Linux). */
const HUNG_NS = 120_000_000_000;

/**
 * Lets an operation go on; `advance` lets virtual time pass while it sleeps. It stops where the operation waits for somebody
 * else; driving it again asks once more whether that has come.
 */
export function drive<T>(operation: Operation<T>, advance: (ns: number) => void): Driven<T> {
  for (let lockedNs = 0; ; ) {
    const step = operation.next();
    if (step.done === true) return { ended: true, value: step.value };
    if (step.value.pending === true || lockedNs > HUNG_NS) return { ended: false };
    lockedNs = step.value.lock === undefined ? 0 : lockedNs + step.value.waitNs;
    advance(step.value.waitNs);
  }
}
