// SPDX-License-Identifier: Apache-2.0
// What the bus records in its debug area.
// Source: Linux 6.12, drivers/s390/crypto/ap_bus.c and ap_queue.c (AP_DBF_INFO, AP_DBF_WARN).
import { hex } from './apqn.ts';
import type { ApBus } from './bus.ts';
import { DEBUG_INFO, DEBUG_WARN } from './debug-areas.ts';
import type { ApQueue } from './device.ts';

/** The kernel's functions of the steps of a queue's state machine. */
const STEPS: Readonly<Partial<Record<ApQueue['machine'], string>>> = {
  RESET_START: 'ap_sm_reset',
  RESET_WAIT: 'ap_sm_reset_wait',
  SETIRQ_WAIT: 'ap_sm_setirq_wait',
  ASSOC_WAIT: 'ap_sm_assoc_wait',
};

/** Records what is of interest and no trouble. The text begins with the kernel's function. */
export const note = ({ journal }: ApBus, text: string): void =>
  journal.areas.event('ap', DEBUG_INFO, text);

/** Records the response code with which a step of a queue's state machine has ended in its error state. */
export function noteBroken({ journal }: ApBus, queue: ApQueue, rc: number): void {
  const what = `${STEPS[queue.machine]} RC 0x${hex(rc, 2)} on 0x${queue.name}`;
  journal.areas.event('ap', DEBUG_WARN, `${what} -> AP_DEV_STATE_ERROR`);
}
