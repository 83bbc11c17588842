// SPDX-License-Identifier: Apache-2.0
// Keys in Redis. There is one campaign at a time in each database of a server.

/** What all keys of apemu begin with. */
export const PREFIX = 'apemu';
/** The campaign that is running, as its coordinator describes it. */
export const CAMPAIGN_KEY = `${PREFIX}:campaign`;
/** The coordinator. The key expires unless it is renewed. */
export const COORDINATOR_KEY = `${PREFIX}:coordinator`;

/** What a campaign's keys begin with, including those of its BullMQ queue. */
export const campaignPrefix = (id: string): string => `${PREFIX}:${id}`;
/** The workers that have ever joined. */
export const workersKey = (id: string): string => `${campaignPrefix(id)}:workers`;
/** A worker that is there. The key expires unless it is renewed. */
export const workerKey = (id: string, worker: string): string =>
  `${campaignPrefix(id)}:worker:${worker}`;
/** Exists for a while after a campaign has come to its end. */
export const overKey = (id: string): string => `${PREFIX}:over:${id}`;
