// SPDX-License-Identifier: Apache-2.0
import type { Work } from '../adapter.ts';
import { errorReply } from '../frame.ts';
export function processEp11(work: Work): number {
  return errorReply(work.reply, 0x20);
}
