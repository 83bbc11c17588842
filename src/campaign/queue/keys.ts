// SPDX-License-Identifier: Apache-2.0
// Names in Redis: one campaign at a time in each database of a server.

/** What all of our keys begin with. */
export const PREFIX = 'apemu';
/** The campaign that is running, as its coordinator describes it. */
export const CAMPAIGN_KEY = `${PREFIX}:campaign`;
/** Who the coordinator is; it goes away by itself when nobody says so again. */
export const COORDINATOR_KEY = `${PREFIX}:coordinator`;

/** Of a campaign: BullMQ's keys of its queue begin with it too. */
export const campaignPrefix = (id: string): string => `${PREFIX}:${id}`;
/** Workers that have ever come. */
export const workersKey = (id: string): string => `${campaignPrefix(id)}:workers`;
/** A worker that is there; goes away by itself. */
export const workerKey = (id: string, worker: string): string =>
  `${campaignPrefix(id)}:worker:${worker}`;
/** Said for a while when a campaign has come to its end. */
export const overKey = (id: string): string => `${PREFIX}:over:${id}`;
