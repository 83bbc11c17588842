// SPDX-License-Identifier: Apache-2.0
// Drives a host operation until it ends, or until only somebody else can let it go on.
// Source: docs/design.md section 4 (a line ends when its operation has ended; one that cannot end yet is pending).
import type { Operation } from '../ap-bus/operation.ts';

/** Where an operation stands. */
export type Driven<T> = { readonly ended: true; readonly value: T } | { readonly ended: false };

/**
 * Lets an operation go on; `advance` lets virtual time pass while it sleeps. It stops where the operation waits for somebody
 * else; driving it again asks once more whether that has come.
 */
export function drive<T>(operation: Operation<T>, advance: (ns: number) => void): Driven<T> {
  for (;;) {
    const step = operation.next();
    if (step.done === true) return { ended: true, value: step.value };
    if (step.value.pending === true) return { ended: false };
    advance(step.value.waitNs);
  }
}
