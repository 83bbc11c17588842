// SPDX-License-Identifier: Apache-2.0
// Virtual times a driver under test has, and how much it may do in one second of it.
import { NS_PER_SECOND } from '../../units.ts';

/** Time a driver has to start. */
export const START_NS = 5 * NS_PER_SECOND;
/** Default of `recoverNs`: two request timeouts, two scans of the bus, and time to spare. */
export const RECOVER_NS = 300 * NS_PER_SECOND;
/** Default of `perSecond`: four queues polled at 250 us are 16,000. */
export const PER_SECOND = 50_000;
/** Events happen for so long after the last one that has a time of its own; then the hardware is healthy. */
export const EVENTS_NS = 5 * NS_PER_SECOND;
/** Time a driver has to close. */
export const CLOSE_NS = 60 * NS_PER_SECOND;
