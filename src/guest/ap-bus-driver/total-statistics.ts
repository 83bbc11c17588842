// SPDX-License-Identifier: Apache-2.0
// The counts of a guest's driver, over all its queues.

import type { ApBusState } from './state.ts';
import { addStatistics, createStatistics, type QueueStatistics } from './statistics.ts';

/** Statistics of all queues together, including those that have gone. */
export const totalStatistics = (state: ApBusState): QueueStatistics => {
  const total = createStatistics();
  addStatistics(total, state.retired);
  for (const queue of state.queues) addStatistics(total, queue.statistics);
  return total;
};
