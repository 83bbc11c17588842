// SPDX-License-Identifier: Apache-2.0
// A million messages on two vCPUs of one guest, one queue each and one notification byte: with interruptions and polling, on one
// worker and on two. Usage: node scripts/soak-exchange.js [MESSAGES]. Needs a built dist. Exit code 1 on a violation.
import { configFromObject } from '../dist/src/config/load.js';
import { accountFor } from '../dist/src/vcpu-pool/hot-plug.js';
import { PooledMachine } from '../dist/src/vcpu-pool/pooled-machine.js';

const messages = Number(process.argv[2] ?? 1_000_000) / 2;
const adapter = { type: 'CEX8', mode: 'loopback' };
const configuration = (interrupts, spread) =>
  configFromObject({
    apemu: 1,
    machine: {
      profile: 'z16',
      adapters: { 1: adapter, 2: adapter },
      usageDomains: [1],
      controlDomains: [1],
    },
    guests: {
      Guest1: {
        vcpus: 2,
        memory: '256KiB',
        spread,
        mdev: { adapters: [1, 2], domains: [1] },
        program: 'exchange',
        args: { everyVcpu: true, messages, interrupts },
      },
    },
  }).config;

for (const [interrupts, spread] of [
  [true, false],
  [true, true],
  [false, false],
  [false, true],
]) {
  const pool = await PooledMachine.start(configuration(interrupts, spread), {
    workers: spread ? 2 : 1,
  });
  const reports = await pool.finished();
  const accounts = accountFor(pool, reports);
  await pool.close();
  process.stdout.write(`${JSON.stringify({ interrupts, spread, ...accounts })}\n`);
  if (accounts.violations.length > 0 || accounts.answered !== 2 * messages) process.exitCode = 1;
}
