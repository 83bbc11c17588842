// SPDX-License-Identifier: Apache-2.0
// Words of a guest record about channel reports: what a guest's user space and KVM keep until the guest takes it.
// Source: docs/reference/config-change.md section 4. Status: choice.
import { G_CHANNEL } from './layout.ts';

/** Event information that waits for CHSC in the guest's user space: number of events. */
export const G_SEI_EVENTS = G_CHANNEL;
/** 1: a channel report has told of events, and store event information has not taken the last one. */
export const G_SEI_PENDING = G_CHANNEL + 1;
/** Channel report words that wait for STCRW. */
export const G_CRWS = G_CHANNEL + 2;
/** 1: the machine check of a channel report is pending, for whichever vCPU is enabled first. */
export const G_MACHINE_CHECK = G_CHANNEL + 3;
/** What goes wrong with event information: SEI_FAULT_*. */
export const G_SEI_FAULT = G_CHANNEL + 4;
/** 1: the user's main loop is busy; configuration changes are counted in G_SEI_UNSEEN. */
export const G_USER_BUSY = G_CHANNEL + 5;
export const G_SEI_UNSEEN = G_CHANNEL + 6;
