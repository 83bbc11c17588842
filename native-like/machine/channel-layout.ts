// SPDX-License-Identifier: Apache-2.0
// Words of a guest record about channel reports: what the guest's user space and KVM keep until the guest takes it.
// Source: docs/reference/config-change.md section 4. Status: choice.
import { G_CHANNEL } from './layout.ts';

/** Number of events whose information waits in the guest's user space until CHSC fetches it. */
export const G_SEI_EVENTS = G_CHANNEL;
/** 1: a channel report has announced events, and the guest has not fetched the last event's information yet. */
export const G_SEI_PENDING = G_CHANNEL + 1;
/** Number of channel report words that wait for STCRW. */
export const G_CRWS = G_CHANNEL + 2;
/** 1: the machine check of a channel report is pending. The first vCPU that is enabled for it takes it. */
export const G_MACHINE_CHECK = G_CHANNEL + 3;
/** Injected errors of event information: SEI_FAULT_* (src/kvm/channel-report.ts). */
export const G_SEI_FAULT = G_CHANNEL + 4;
/** 1: the main loop of user space is busy, so that configuration changes are only counted, in G_SEI_UNSEEN. */
export const G_USER_BUSY = G_CHANNEL + 5;
export const G_SEI_UNSEEN = G_CHANNEL + 6;
