// SPDX-License-Identifier: Apache-2.0
// What `apemu qemu --response-codes` tries, with the kernel's code looked at: each of 144 cases is one response code at one instruction,
// with requests and what makes Linux execute that instruction. `node scripts/single-responses.js OUT [CONFIG]` writes OUT/plot.ndjson as a
// campaign does, for scripts/fuzz-plot.js. Needs a built dist.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESPONSE_CODES } from '../dist/native-like/arch/response-codes.js';
import { targetOptions } from '../dist/src/cli/fuzz-kernel.js';
import { formatApqn } from '../dist/src/config/units.js';
import { KernelTarget } from '../dist/src/kernel-fuzz/kernel-target.js';
import { parseScenarioLines } from '../dist/src/scenario/text.js';

const [out, config = 'examples/fuzzing/kernel.yaml'] = process.argv.slice(2);
if (out === undefined) {
  console.error('node scripts/single-responses.js OUT [CONFIG]');
  process.exit(2);
}

const REQUESTS = 12;
const QUEUE_DRIVER = '/sys/bus/ap/drivers/cex4queue';

/** What makes Linux execute an instruction on a queue; a request does the others. */
const causes = (apqn) => {
  const reset = [`echo 1 > /sys/devices/ap/card${apqn.slice(0, 2)}/${apqn}/reset`];
  return {
    tapq: ['echo 1 > /sys/bus/ap/scans'],
    rapq: reset,
    zapq: [`echo ${apqn} > ${QUEUE_DRIVER}/unbind`, `echo ${apqn} > ${QUEUE_DRIVER}/bind`],
    aqic: reset,
    nqap: [],
    dqap: [],
  };
};

const io = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  signal: new AbortController().signal,
};
const target = await KernelTarget.create(await targetOptions(config, { kernel: true }, io));
const apqns = target.space.queues.map(formatApqn);
const codes = RESPONSE_CODES.map(({ code }) => code).filter((code) => code !== 0);

const scenarios = codes.flatMap((code, n) => {
  // Each queue gets its turn: the cards have drivers of their own.
  const apqn = apqns[n % apqns.length];
  return Object.entries(causes(apqn)).map(([instruction, writes]) =>
    [
      `user: request x${REQUESTS} ${apqn}`,
      ...writes.map((write) => `user: ${write}`),
      `on ${instruction} ${apqn} #1: rc=${code.toString(16).padStart(2, '0')}`,
    ].join('\n'),
  );
});

mkdirSync(out, { recursive: true });
const start = performance.now();
const lines = [];
try {
  for (const [n, scenario] of scenarios.entries()) {
    await target.reset();
    await target.run(parseScenarioLines(`${scenario}\n`));
    const seconds = (performance.now() - start) / 1000;
    lines.push(JSON.stringify({ cases: n + 1, seconds, places: target.places().length }));
    writeFileSync(join(out, 'plot.ndjson'), `${lines.join('\n')}\n`);
  }
} finally {
  await target.close();
}
console.log(`${scenarios.length} cases: ${lines.at(-1)}`);
