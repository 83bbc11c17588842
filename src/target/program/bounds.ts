// SPDX-License-Identifier: Apache-2.0
// Virtual times that a driver under test has for something, and how much it may do in a second of virtual time.
import { NS_PER_SECOND } from '../../units.ts';

/** Nanoseconds that a driver has to start. */
export const START_NS = 5 * NS_PER_SECOND;
/** Default of `recoverNs` in nanoseconds: two request timeouts, two scans of the bus, and time to spare. */
export const RECOVER_NS = 300 * NS_PER_SECOND;
/** Default of `perSecond`. Four queues that are polled every 250 us make 16,000. */
export const PER_SECOND = 50_000;
/** Nanoseconds for which events can still happen after the last one that has a time of its own. Then the hardware is made healthy. */
export const EVENTS_NS = 5 * NS_PER_SECOND;
/** Nanoseconds that a driver has to close. */
export const CLOSE_NS = 60 * NS_PER_SECOND;
