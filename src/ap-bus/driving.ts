// SPDX-License-Identifier: Apache-2.0
// The ways to drive a host operation. They differ in what happens while it sleeps, and where it waits for somebody else:
//
// | way          | while it sleeps                         | where it waits for somebody else | who                                   |
// | ------------ | --------------------------------------- | -------------------------------- | ------------------------------------- |
// | finish       | the caller lets virtual time pass       | time goes on passing             | a machine's methods                   |
// | finishAtOnce | it is given up                          | it is given up                   | reads that cannot wait                |
// | drive        | the caller lets virtual time pass       | it stays, to be driven again     | the shell, AP programs                |
// | sleepsOf     | the caller awaits, in pieces            | it stays, to be driven again     | the shell, which lets signals in      |
// | driveAsync   | the caller awaits                       | it awaits, until it is stopped   | pooled machines, in real time         |
// | inBackground | a timer resumes it                      | a timer resumes it               | kernel threads and work items         |
//
// Who explores interleavings takes single steps instead (src/program/threads.ts).
// Source: docs/design.md section 4 (a line ends when its operation has ended; one that cannot end yet is pending).
import type { Operation, Timers } from './operation.ts';

/** Drives an operation to its end. `onWait` must let that many virtual nanoseconds pass. */
export function finish<T>(operation: Operation<T>, onWait: (waitNs: number) => void): T {
  let step = operation.next();
  while (step.done !== true) {
    onWait(step.value.waitNs);
    step = operation.next();
  }
  return step.value;
}

/** Runs an operation that does not sleep. If it sleeps, it is given up, its locks are released, and undefined is returned. */
export function finishAtOnce<T>(operation: Operation<T>): { readonly value: T } | undefined {
  const step = operation.next();
  if (step.done === true) return { value: step.value };
  operation.return(undefined as never);
  return undefined;
}

/** Whether an operation has ended, and its result. */
export type Driven<T> = { readonly ended: true; readonly value: T } | { readonly ended: false };

/**
 * Virtual nanoseconds for which a lock is waited for (hung_task_timeout_secs of Linux). Its holder may be an operation that only a later
 * line lets go on.
 */
const HUNG_NS = 120_000_000_000;

/**
 * Lets an operation go on, and yields the virtual nanoseconds that must pass while it sleeps. Returns without its end when the operation
 * waits for somebody else; driving it again looks once more whether that has come.
 */
export function* sleepsOf<T>(operation: Operation<T>): Generator<number, Driven<T>, undefined> {
  for (let lockedNs = 0; ; ) {
    const step = operation.next();
    if (step.done === true) return { ended: true, value: step.value };
    if (step.value.pending === true || lockedNs > HUNG_NS) return { ended: false };
    lockedNs = step.value.lock === undefined ? 0 : lockedNs + step.value.waitNs;
    yield step.value.waitNs;
  }
}

/** As `sleepsOf`, but `advance` lets the time pass. */
export function drive<T>(operation: Operation<T>, advance: (ns: number) => void): Driven<T> {
  const sleeps = sleepsOf(operation);
  for (let sleep = sleeps.next(); ; sleep = sleeps.next()) {
    if (sleep.done === true) return sleep.value;
    advance(sleep.value);
  }
}

/**
 * Drives an operation to its end in the caller's own time. `wait` resolves after that many virtual nanoseconds. When `stopped` says so,
 * the operation is given up, its locks are released, and the result is undefined.
 */
export async function driveAsync<T>(
  operation: Operation<T>,
  wait: (waitNs: number) => Promise<void>,
  stopped: () => boolean,
): Promise<T | undefined> {
  let step = operation.next();
  while (step.done !== true) {
    await wait(step.value.waitNs);
    if (stopped()) {
      operation.return(undefined as never);
      return undefined;
    }
    step = operation.next();
  }
  return step.value;
}

/**
 * Runs an operation on its own as a kernel thread or work item would: timers resume it, and `done` is called at its end. Steps that take
 * no time matter only to those who explore interleavings, so this does not stop at them.
 */
export function inBackground<T>(
  operation: Operation<T>,
  timers: Timers,
  done: (value: T) => void = () => {},
): void {
  const resume = (): void => {
    let step = operation.next();
    while (step.done !== true && step.value.step !== undefined) step = operation.next();
    if (step.done === true) done(step.value);
    else timers.after(step.value.waitNs, resume, 'operation');
  };
  resume();
}
