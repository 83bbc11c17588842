// SPDX-License-Identifier: Apache-2.0
// Names of workers: the computer, the process, and a word that tells the process from an earlier one with the same number.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

const COMPUTER_LENGTH = 60;

/** Name of this computer. */
export const computerName = (): string =>
  hostname()
    .replaceAll(/[^A-Za-z0-9.-]/g, '-')
    .slice(0, COMPUTER_LENGTH);

/** Name of this process, different from that of every other worker. */
export const workerName = (): string =>
  `${computerName()}_${process.pid}_${randomBytes(3).toString('hex')}`;

/** Computer of a worker. */
export const computerOf = (worker: string): string => worker.split('_')[0];
