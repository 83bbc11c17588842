// SPDX-License-Identifier: Apache-2.0
// RSA requests of four processes, each result compared with that of Node's crypto.
import { expect } from 'vitest';
import type { TestGuest } from './guest.ts';

const PROCESSES = 4;
/**
 * Of a hundred requests, how many of which kind; the empty kind is all of them in turn, up to 4096 bits. Most are short: a card of ours
 * computes with one thread.
 */
const SHARES = [
  [46, 'mex-1024'],
  [46, 'crt-1024'],
  [8, ''],
] as const;
/** Of one share, on a slow computer that has other things to do. */
const PATIENCE_MS = 600_000;

/** Sends a number of requests, a multiple of 200: all results are right, and both cards had their part of them. */
export async function sendRequests(guest: TestGuest, requests: number): Promise<void> {
  const counts = async () => {
    const text = await guest.sh('cat /sys/devices/ap/card0[56]/request_count');
    return text.trim().split('\n').map(Number);
  };
  const before = await counts();
  for (const [share, kind] of SHARES) {
    const each = (requests / 100) * (share / PROCESSES);
    const output = await guest.sh(`rsa-test ${each} ${PROCESSES} ${kind}`, PATIENCE_MS);
    const right = [...output.matchAll(/right=(\d+) wrong=0 $/gm)].map((match) => match[1]);
    expect(right).toEqual(new Array(PROCESSES).fill(`${each}`));
  }
  const sent = (await counts()).map((count, card) => count - before[card]);
  expect(sent.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(requests);
  for (const count of sent) expect(count).toBeGreaterThan(requests / 100);
}
