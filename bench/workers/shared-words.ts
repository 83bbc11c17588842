// SPDX-License-Identifier: Apache-2.0
// Words that a question and its worker threads share, beside the machine image.

/** Command to a worker: counts up; the worker runs once for each. Negative: end. */
export const W_COMMAND = 0;
/** Number of the last command the worker has finished. */
export const W_DONE = 1;
/** What to run: WORK_*. */
export const W_WORK = 2;
/** How long, microseconds. */
export const W_DURATION = 3;
/** Operations done, and microseconds they took. */
export const W_OPERATIONS = 4;
export const W_ELAPSED = 5;
/** Words of one worker, on lines of their own. */
export const WORKER_WORDS = 32;

export const WORK_KERNEL = 0;
export const WORK_REFERENCE = 1;

/** A forwarded intercept: the vCPU's mailbox, and the doorbell that wakes the host thread, on lines of their own. */
export const X_MAIL = 0;
export const X_DOORBELL = 16;
export const EXCHANGE_WORDS = 32;

/** States of the mailbox. */
export const MAIL_EMPTY = 0;
export const MAIL_POSTED = 1;
export const MAIL_ANSWERED = 2;

/** Running vCPUs: stop flag, then for each worker its stale results and batches. */
export const R_STOP = 0;
export const R_WORKERS = 16;
export const R_STALE = 0;
export const R_BATCHES = 1;
export const R_STRIDE = 16;
