// SPDX-License-Identifier: Apache-2.0
// `apemu run CONFIG`: starts the machine and all guests, shows progress, ends with what each guest saw and did.
// Source: docs/design.md section 7.
import type { Command } from 'commander';
import { loadConfigFile } from '../config/load.ts';
import type { MachineConfig } from '../config/types.ts';
import { parseDurationNs } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { apCpuOf } from '../guest/ap-cpu.ts';
import { COUNTER_WORDS } from '../guest/counters.ts';
import { guestProgram, programArgs } from '../host/guest-program.ts';
import { Machine } from '../host/machine.ts';
import { PooledMachine } from '../vcpu-pool/pooled-machine.ts';
import { answeredOf, type GuestSummary, PERCENTILES, summarise } from '../vcpu-pool/summary.ts';
import type { VcpuReport, WorkerReport } from '../vcpu-pool/task.ts';
import type { AddCommand } from './commands.ts';
import { parseSeed } from './exec.ts';
import { type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { showWarnings } from './text.ts';

interface RunOptions {
  readonly seed?: number;
  readonly json?: boolean;
  readonly stepped?: boolean;
  /** Nanoseconds. */
  readonly duration?: number;
  readonly workers?: number;
}

const NS_PER_MS = 1_000_000;
const PROGRESS_MS = 250;

export const addRun: AddCommand = (program, io, done) => {
  program
    .command('run')
    .description('run the guests of a configuration until their workloads are done')
    .argument('<config>', 'configuration (YAML)')
    .option(
      '--duration <time>',
      'end after this time (virtual with --stepped): 500ms, 10s',
      durationOption,
    )
    .option('--workers <number>', 'worker threads, instead of one for each core', workersOption)
    .option('--stepped', 'one thread and virtual time: the same input gives the same output')
    .option('--seed <number>', "the machine's seed, instead of the configuration's", parseSeed)
    .option('--json', 'one record a line')
    .action(async (file: string, options: RunOptions, _command: Command) => {
      done(await run(file, options, io));
    });
};

function durationOption(text: string): number {
  const ns = parseDurationNs(text);
  if (ns === undefined || ns <= 0) {
    throw new ApemuError(
      'APEMU_ERR_USAGE_DURATION',
      `--duration is ${text} (expected a time such as 500ms or 10s)`,
    );
  }
  return ns;
}

function workersOption(text: string): number {
  const workers = Number(text);
  if (!Number.isInteger(workers) || workers < 1 || workers > 40) {
    throw new ApemuError(
      'APEMU_ERR_USAGE_WORKERS',
      `--workers is ${text} (expected a number, 1 to 40)`,
    );
  }
  return workers;
}

/** What a run ends with. */
interface RunResult {
  readonly guests: readonly GuestSummary[];
  readonly seconds: number;
  readonly how: string;
  readonly crashes: readonly { readonly guest: string; readonly reason: string }[];
  readonly keyCache: { readonly hits: number; readonly misses: number };
}

async function run(file: string, options: RunOptions, io: CommandIo): Promise<number> {
  const loaded = loadConfigFile(file);
  showWarnings(loaded, io);
  const result =
    options.stepped === true
      ? await runStepped(loaded.config, options)
      : await runPooled(loaded.config, options, io);
  print(result, options, io);
  const failed =
    result.crashes.length > 0 || result.guests.some((guest) => guest.failure !== undefined);
  return failed ? EXIT_MISMATCH : EXIT_OK;
}

async function runPooled(
  config: MachineConfig,
  options: RunOptions,
  io: CommandIo,
): Promise<RunResult> {
  const progress = new Progress(io, options.json === true);
  const pooled = await PooledMachine.start(config, {
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    onProgress: (report) => progress.take(report),
  });
  const started = performance.now();
  const stop = (): void => pooled.stop();
  io.signal.addEventListener('abort', stop, { once: true });
  const timer =
    options.duration === undefined ? undefined : setTimeout(stop, options.duration / NS_PER_MS);
  try {
    const reports = await pooled.finished();
    const seconds = (performance.now() - started) / 1000;
    progress.end();
    return {
      guests: reports.flatMap((report) => report.vcpus.map(summarise)),
      seconds,
      how: `${pooled.workers} worker${pooled.workers === 1 ? '' : 's'}`,
      crashes: pooled.crashes,
      keyCache: sumKeyCache(reports),
    };
  } finally {
    clearTimeout(timer);
    io.signal.removeEventListener('abort', stop);
    await pooled.close();
  }
}

const sumKeyCache = (reports: readonly WorkerReport[]): RunResult['keyCache'] => ({
  hits: reports.reduce((sum, report) => sum + report.keyCache.hits, 0),
  misses: reports.reduce((sum, report) => sum + report.keyCache.misses, 0),
});

async function runStepped(config: MachineConfig, options: RunOptions): Promise<RunResult> {
  const machine = await Machine.create(
    config,
    options.seed === undefined ? {} : { seed: options.seed },
  );
  try {
    for (const guest of config.guests) {
      if (guest.program === undefined) continue;
      apCpuOf(machine.guest(guest.name).cpu(0).cpu).counters = new Int32Array(COUNTER_WORDS);
      machine.start(guest.name, 0, await guestProgram(guest.program), programArgs(config, guest));
    }
    const start = machine.nowNs();
    machine.stepper.runPrograms(
      options.duration === undefined ? undefined : start + options.duration,
    );
    return {
      guests: machine.stepper.programs.map((running) => summarise(steppedReport(config, running))),
      seconds: (machine.nowNs() - start) / 1e9,
      how: 'virtual time',
      crashes: [],
      keyCache: { hits: 0, misses: 0 },
    };
  } finally {
    machine.close();
  }
}

function steppedReport(
  config: MachineConfig,
  running: Machine['stepper']['programs'][number],
): VcpuReport {
  return {
    guestName: config.guests[running.guest - 1]?.name ?? '',
    guest: running.guest,
    vcpu: running.vcpu,
    program: running.program.name,
    executed: running.cpu.executed,
    done: running.done,
    failure: undefined,
    state: running.state,
    counters: apCpuOf(running.cpu).counters ?? new Int32Array(COUNTER_WORDS),
  };
}

/** One line that is rewritten on a terminal, a line now and then elsewhere; on standard error. */
class Progress {
  readonly #io: CommandIo;
  readonly #silent: boolean;
  readonly #reports = new Map<number, WorkerReport>();
  readonly #started = performance.now();
  #shownMs = 0;

  constructor(io: CommandIo, silent: boolean) {
    this.#io = io;
    this.#silent = silent;
  }

  take(report: WorkerReport): void {
    this.#reports.set(report.thread, report);
    const now = performance.now();
    if (this.#silent || now - this.#shownMs < PROGRESS_MS) return;
    this.#shownMs = now;
    const text = this.#text(now - this.#started);
    this.#io.err(this.#io.isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
  }

  end(): void {
    if (!this.#silent && this.#io.isTerminal && this.#shownMs > 0) this.#io.err('\r\u001b[K');
  }

  #text(ms: number): string {
    const guests = [...this.#reports.values()].flatMap((report) => report.vcpus);
    const parts = guests.map((vcpu) => `${vcpu.guestName} ${answeredOf(vcpu)}`);
    return `${(ms / 1000).toFixed(1)} s  messages: ${parts.join('  ')}`.slice(
      0,
      Math.max(20, this.#io.columns - 1),
    );
  }
}

function print(result: RunResult, options: RunOptions, io: CommandIo): void {
  if (options.json === true) {
    for (const guest of result.guests) io.out(`${JSON.stringify({ record: 'guest', ...guest })}\n`);
    for (const crash of result.crashes)
      io.out(`${JSON.stringify({ record: 'crash', ...crash })}\n`);
    io.out(
      `${JSON.stringify({ record: 'run', seconds: result.seconds, how: result.how, keyCache: result.keyCache })}\n`,
    );
    return;
  }
  for (const guest of result.guests) io.out(guestText(guest, result.seconds));
  for (const crash of result.crashes)
    io.err(`guest ${crash.guest} was lost with its worker: ${crash.reason}\n`);
  const total = result.guests.reduce((sum, guest) => sum + (guest.messages?.answered ?? 0), 0);
  const { hits, misses } = result.keyCache;
  const cache =
    hits + misses === 0
      ? ''
      : `, RSA key cache ${((100 * hits) / (hits + misses)).toFixed(1)} % hits`;
  io.out(`${total} messages in ${result.seconds.toFixed(2)} s (${result.how})${cache}\n`);
}

function guestText(guest: GuestSummary, seconds: number): string {
  const lines = [
    `== ${guest.guest}${guest.vcpu === 0 ? '' : `.${guest.vcpu}`}: ${guest.program}${guest.done ? '' : ' (not finished)'} ==`,
  ];
  if (guest.failure !== undefined) lines.push(`failed: ${guest.failure}`);
  if (guest.lszcrypt !== undefined) lines.push(guest.lszcrypt.trimEnd());
  if (guest.messages !== undefined) lines.push(messagesText(guest, seconds));
  if (guest.latencyNs !== undefined) lines.push(latencyText(guest.latencyNs));
  lines.push(...countLines(guest));
  return `${lines.join('\n')}\n\n`;
}

function messagesText(guest: GuestSummary, seconds: number): string {
  const { answered, sent, wrong, refused, flushed, resent, errors } = guest.messages as NonNullable<
    GuestSummary['messages']
  >;
  const odd = Object.entries({ wrong, refused, flushed, resent, errors }).filter(([, n]) => n > 0);
  const rest = odd.map(([name, n]) => `, ${n} ${name}`).join('');
  return `messages   ${answered} answered of ${sent} sent, ${Math.round(answered / Math.max(seconds, 1e-9))}/s${rest}`;
}

const latencyText = (latencyNs: readonly number[]): string =>
  `latency    ${PERCENTILES.map((percent, n) => `p${percent} ${timeText(latencyNs[n] ?? 0)}`).join('  ')}`;

function timeText(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} us`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** Counts by function, one line each: `TAPQ  00: 14  02: 4`. */
function countLines(guest: GuestSummary): string[] {
  const byFunction = new Map<string, string[]>();
  for (const row of guest.counts) {
    const parts = byFunction.get(row.function) ?? [];
    parts.push(`${row.outcome}: ${row.count}`);
    byFunction.set(row.function, parts);
  }
  return [...byFunction].map(([name, parts]) => `${name.padEnd(10)} ${parts.join('  ')}`);
}
