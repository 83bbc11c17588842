// SPDX-License-Identifier: Apache-2.0
// What a guest's driver counted, over all its queues.

import type { ApBusState } from './state.ts';
import { addStatistics, createStatistics, type QueueStatistics } from './statistics.ts';

/** Statistics of all queues together, those that are gone included. */
export const totalStatistics = (state: ApBusState): QueueStatistics => {
  const total = createStatistics();
  addStatistics(total, state.retired);
  for (const queue of state.queues) addStatistics(total, queue.statistics);
  return total;
};
