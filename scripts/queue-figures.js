// SPDX-License-Identifier: Apache-2.0
// Figures of docs/campaigns.md, measured with the build in dist and a redis-server of its own. `stub [JOBS]`: jobs through Redis with workers
// that do nothing: what one costs whom, and how many bytes it is. `campaign [CASES]`: a driver's campaign on this computer alone and with 1, 2
// and 4 workers, each with four tenths of a core (a control group's limit, so as root), so that four of them scale on two cores as on more.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';

const MAIN = 'dist/src/cli/main.js';
const SUBJECT = ['examples/fuzzing/machine.yaml', '--driver', 'examples/fuzzing/driver.ts'];
const [mode = 'stub', size] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'apemu-figures-'));
const socket = join(folder, 'redis');

const startRedis = async () => {
  const where = ['--port', '0', '--unixsocket', socket, '--dir', folder];
  const redis = spawn('redis-server', [...where, '--save', '', '--appendonly', 'yes'], {
    stdio: 'ignore',
  });
  while (!existsSync(socket)) await wait(50);
  return redis;
};

const say = (text) => process.stdout.write(`${text}\n`);

const VERSION_2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
/** Microseconds of processor time that a limited process has of each period. */
const [QUOTA_US, PERIOD_US] = [40_000, 100_000];

/** Control groups that limit what is in them, one for each process; their folders. */
const makeGroups = (count) => {
  const root = VERSION_2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpu';
  return Array.from({ length: count }, (_, n) => {
    const group = join(root, `apemu-figures-${process.pid}-${n}`);
    mkdirSync(group);
    // They come before what else this computer does, which would take from one more than from another.
    if (VERSION_2) {
      writeFileSync(join(group, 'cpu.max'), `${QUOTA_US} ${PERIOD_US}`);
      writeFileSync(join(group, 'cpu.weight'), '10000');
    } else {
      writeFileSync(join(group, 'cpu.shares'), '262144');
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(QUOTA_US));
    }
    return group;
  });
};

/** A process with its processor time in seconds, when it has ended; in a control group, when one is given. */
const timed = (args, group) =>
  new Promise((resolve) => {
    const enter = group === undefined ? '' : `echo $$ > ${group}/cgroup.procs; `;
    const command = `${enter}TIMEFORMAT="cpu %U %S %R"; time node "$@"`;
    const child = spawn('bash', ['-c', command, 'bash', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more) => {
        text += more;
      });
    child.once('close', () => {
      const [, user, system, real] = /cpu ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(text) ?? [];
      resolve({ text, cpu: Number(user) + Number(system), seconds: Number(real) });
    });
  });

/** What Redis says of itself: processor seconds, bytes, commands. */
const redisFigures = async (client) => {
  const info = await client.info();
  const value = (key) => Number(new RegExp(`^${key}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return {
    cpu: value('used_cpu_user') + value('used_cpu_sys'),
    in: value('total_net_input_bytes'),
    out: value('total_net_output_bytes'),
    commands: value('total_commands_processed'),
    memory: value('used_memory_peak'),
  };
};

const own = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Jobs and an answer as a campaign has them after some thousand cases. */
const material = async () => {
  const { Campaign } = await import('../dist/src/fuzz/campaign.js');
  const { CampaignStore } = await import('../dist/src/fuzz/store.js');
  const { LocalCarrier } = await import('../dist/src/campaign/local-carrier.js');
  const { bundleDriver } = await import('../dist/src/target/program/bundle.js');
  const [file, , driver] = SUBJECT;
  const carrier = await LocalCarrier.create({
    config: readFileSync(file, 'utf8'),
    file,
    bundle: await bundleDriver(driver),
    seed: 1,
    without: [],
  });
  const last = {};
  const watched = {
    facts: carrier.facts,
    async run(jobs) {
      const results = await carrier.run(jobs);
      if (jobs[0].kind === 'batch') Object.assign(last, { job: jobs[0], result: results[0] });
      return results;
    },
  };
  const store = new CampaignStore(join(folder, 'material'));
  const campaign = new Campaign({ seed: 1, identity: '', jobs: 4, jobCases: 1024 }, watched, store);
  const began = own();
  while (campaign.cases < 3_000) await campaign.next(20_000);
  say(
    `${campaign.cases} cases alone: ${(((own() - began) / campaign.cases) * 1e6).toFixed(0)} µs of processor time each`,
  );
  campaign.save();
  const canned = { ...last.result, kept: [], broken: [], firsts: [] };
  const idle = { facts: carrier.facts, run: async (jobs) => jobs.map(() => canned) };
  const sizes = { jobs: 64, jobCases: 1024 };
  const drawing = new Campaign({ seed: 1, identity: '', ...sizes }, idle, store);
  while (drawing.generation < 8) await drawing.next(1_000_000);
  const from = { cpu: own(), cases: drawing.cases };
  while (drawing.cases < from.cases + 500_000) await drawing.next(1_000_000);
  const drawn = ((own() - from.cpu) / (drawing.cases - from.cases)) * 1e6;
  say(`the coordinator draws and counts a case in ${drawn.toFixed(2)} µs of processor time`);
  say(
    `an answer that brought ${last.result.kept.length} new scenarios, as its like has none later`,
  );
  return { job: last.job, result: canned, facts: carrier.facts };
};

const stub = async (jobs) => {
  const { connectQueue, loadPackages } = await import('../dist/src/campaign/queue/connection.js');
  const { QueueCarrier } = await import('../dist/src/campaign/queue/queue-carrier.js');
  const { sha256 } = await import('../dist/src/campaign/queue/wire.js');
  const { job, result, facts } = await material();
  const packages = await loadPackages();
  const connection = await connectQueue(socket, undefined, packages);
  const witness = { facts, run: async () => [result], close: async () => {} };
  const carrier = await QueueCarrier.open({
    connection,
    manifest: { version: 1, kind: 'driver', facts: {}, identity: sha256('') },
    witness,
    tries: 1,
    signal: new AbortController().signal,
    say,
  });
  const id = await connection.client.get('apemu:campaign');
  const file = join(folder, 'answer');
  writeFileSync(file, serialize(result));
  const script = fileURLToPath(import.meta.url);
  const worker = spawn(process.execPath, [script, 'stub-worker', socket, id, file], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const many = (count, from) =>
    Array.from({ length: count }, (_, n) => ({
      ...job,
      cases: job.cases.map((one, at) => ({ ...one, seed: (from + n) * 4096 + at })),
    }));
  await carrier.run(many(64, 0));
  carrier.saved();
  const before = await redisFigures(connection.client);
  let made = 0;
  const began = { at: performance.now() };
  for (let done = 0; done < jobs; done += 64) {
    const asked = many(64, 64 + done);
    made -= own();
    await carrier.run(asked);
    made += own();
    carrier.saved();
  }
  const after = await redisFigures(connection.client);
  const per = (what) => (after[what] - before[what]) / jobs;
  const ms = (seconds) => `${((seconds / jobs) * 1e3).toFixed(2)} ms`;
  say(`${jobs} jobs of ${job.cases.length} cases, one worker that does nothing:`);
  say(`  ${((jobs / (performance.now() - began.at)) * 1e3).toFixed(0)} jobs a second`);
  say(`  processor time of a job: Redis ${ms(after.cpu - before.cpu)}, coordinator ${ms(made)}`);
  say(
    `  Redis takes ${per('in').toFixed(0)} bytes of a job, gives ${per('out').toFixed(0)}, ${per('commands').toFixed(1)} commands; ${(after.memory / 2 ** 20).toFixed(0)} MiB at most`,
  );
  const gone = new Promise((resolve) => worker.once('exit', resolve));
  worker.stdin.end();
  await gone;
  await carrier.close();
};

/** A process that answers every request with the same, and says what a job costs it, from the 65th on. */
const stubWorker = async (where, id, file) => {
  const { connectQueue, loadPackages } = await import('../dist/src/campaign/queue/connection.js');
  const { QueueWorker } = await import('../dist/src/campaign/queue/queue-worker.js');
  const result = deserialize(readFileSync(file));
  let warm;
  const worker = new QueueWorker({
    connection: await connectQueue(where, undefined, await loadPackages()),
    campaign: id,
    run: async () => {
      if (worker.jobs >= 64) warm ??= { cpu: own(), jobs: worker.jobs };
      return result;
    },
    threads: 8,
    ahead: 1,
    say,
  });
  for await (const _ of process.stdin);
  const each = ((own() - warm.cpu) / (worker.jobs - warm.jobs)) * 1e3;
  say(`  the worker: ${each.toFixed(2)} ms`);
  process.exit();
};

const campaign = async (cases) => {
  const fuzz = (out, ...more) => [
    ...[MAIN, 'fuzz', ...SUBJECT, '--cases', String(cases), '--out', join(folder, out)],
    ...['--jobs', '64', '--job-cases', '1024', ...more],
  ];
  const groups = makeGroups(4);
  // From the row at which half the cases were done: workers have started, and what they execute is translated.
  const rate = (out) => {
    const rows = readFileSync(join(folder, out, 'plot.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    const [last, ...before] = rows.map((row) => JSON.parse(row)).reverse();
    const half = before.reverse().find((row) => row.cases >= last.cases / 2 - 1_024);
    const cost = (last.cases - half.cases) / (last.seconds - half.seconds);
    return `${cost.toFixed(0)} cases a second from case ${half.cases} on`;
  };
  try {
    const alone = await timed(fuzz('alone', '--workers', '1'), groups[0]);
    say(`each with ${QUOTA_US / PERIOD_US} of a core, ${cases} cases`);
    say(`alone, one thread: ${rate('alone')}, ${alone.cpu.toFixed(1)} s of processor time`);
    for (const count of [1, 2, 4]) {
      const workers = groups
        .slice(0, count)
        .map((group) =>
          timed([MAIN, 'worker', ...SUBJECT, '--queue', socket, '--workers', '1'], group),
        );
      const coordinator = await timed(fuzz(`queue${count}`, '--queue', socket));
      const ended = await Promise.all(workers);
      const sum = ended.reduce((all, { cpu }) => all + cpu, 0);
      say(
        `${count} workers: ${rate(`queue${count}`)}, ${sum.toFixed(1)} s of processor time of workers, ${coordinator.cpu.toFixed(1)} s of the coordinator`,
      );
      for (const { text } of ended) say(`  ${/\d[\d,]* jobs?, .*cases?/.exec(text)?.[0]}`);
    }
  } finally {
    for (const group of groups) rmdirSync(group);
  }
};

if (mode === 'stub-worker') await stubWorker(...process.argv.slice(3));
const redis = await startRedis();
try {
  if (mode === 'stub') await stub(Number(size ?? 1_024));
  else await campaign(Number(size ?? 130_000));
} finally {
  redis.kill();
  await wait(200);
  rmSync(folder, { recursive: true });
}
process.exit();
