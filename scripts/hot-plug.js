// SPDX-License-Identifier: Apache-2.0
// Runs examples/hot-plug.yaml (or another configuration of exchange programs) with hot plug and unplug, and accounts for every
// message. Usage: node scripts/hot-plug.js [SECONDS [INTERVAL_MS [CONFIG]]]. Needs a built dist. Exit code 1 on a violation.
import { loadConfigFile } from '../dist/src/config/load.js';
import { accountFor, hotPlug } from '../dist/src/vcpu-pool/hot-plug.js';
import { PooledMachine } from '../dist/src/vcpu-pool/pooled-machine.js';

const [seconds = '30', interval = '100', file = 'examples/hot-plug.yaml'] = process.argv.slice(2);
const pool = await PooledMachine.start(loadConfigFile(file).config);
const plugged = await hotPlug(pool, {
  durationMs: Number(seconds) * 1000,
  intervalMs: Number(interval),
});
pool.stop();
const accounts = accountFor(pool, await pool.finished());
await pool.close();
const violations = [...plugged.violations, ...accounts.violations];
process.stdout.write(`${JSON.stringify({ ...plugged, ...accounts, violations }, null, 2)}\n`);
process.exitCode = violations.length === 0 ? 0 : 1;
