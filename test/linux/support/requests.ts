// SPDX-License-Identifier: Apache-2.0
// Ten thousand RSA requests of four processes, each result compared with that of Node's crypto.
import { expect } from 'vitest';
import type { TestGuest } from './guest.ts';

const PROCESSES = 4;
const REQUESTS = 10_000;
/**
 * How many of which kind; the empty kind is all of them in turn, up to 4096 bits. Most are short: a card of ours computes with one
 * thread.
 */
const SHARES = [
  [4_600, 'mex-1024'],
  [4_600, 'crt-1024'],
  [800, ''],
] as const;
/** Of one share, on a slow computer that has other things to do. */
const PATIENCE_MS = 600_000;

/** All results are right, and both cards had their part of the requests. */
export async function sendTenThousand(guest: TestGuest): Promise<void> {
  const counts = async () => {
    const text = await guest.sh('cat /sys/devices/ap/card0[56]/request_count');
    return text.trim().split('\n').map(Number);
  };
  const before = await counts();
  for (const [requests, kind] of SHARES) {
    const each = requests / PROCESSES;
    const output = await guest.sh(`rsa-test ${each} ${PROCESSES} ${kind}`, PATIENCE_MS);
    const right = [...output.matchAll(/right=(\d+) wrong=0 $/gm)].map((match) => match[1]);
    expect(right).toEqual(new Array(PROCESSES).fill(`${each}`));
  }
  const sent = (await counts()).map((count, card) => count - before[card]);
  expect(sent.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(REQUESTS);
  for (const count of sent) expect(count).toBeGreaterThan(100);
}
