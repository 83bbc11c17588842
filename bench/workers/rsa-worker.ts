// SPDX-License-Identifier: Apache-2.0
// The bare loop of the RSA question: private operations of this Node's OpenSSL on imported keys, nothing around them.
import { constants, createPrivateKey, type KeyObject, privateDecrypt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { WORKLOAD_KEYS } from '../../src/cex/messages/workload-keys.ts';
import { privateJwk } from './rsa-keys.ts';

export interface RsaTask {
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** What a loop did. */
export interface RsaLoop {
  readonly operations: number;
  readonly ms: number;
  /** CPU time of the whole process meanwhile, microseconds. */
  readonly cpuUs: number;
}

/** The keys the workload sends, imported. */
const importKeys = (): KeyObject[] =>
  WORKLOAD_KEYS.map((parts) => createPrivateKey({ key: privateJwk(parts), format: 'jwk' }));

const loop = (keys: readonly KeyObject[], durationMs: number): RsaLoop => {
  const padding = constants.RSA_NO_PADDING;
  const input = Buffer.alloc(256, 0x5a);
  input[0] = 0;
  const start = performance.now();
  const cpu = process.cpuUsage();
  let operations = 0;
  while (performance.now() - start < durationMs) {
    for (const key of keys) privateDecrypt({ key, padding }, input);
    operations += keys.length;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { operations, ms: performance.now() - start, cpuUs: user + system };
};

const { warmupMs, durationMs } = workerData as RsaTask;
const keys = importKeys();
loop(keys, warmupMs);
parentPort?.postMessage(loop(keys, durationMs));
