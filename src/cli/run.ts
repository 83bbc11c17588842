// SPDX-License-Identifier: Apache-2.0
// `apemu run CONFIG`: starts the machine and all guests, shows progress, ends with what each guest saw and did.
// Source: docs/design.md section 7; docs/load.md.

import { type Command, Option } from 'commander';
import { THREADS_MAX } from '../../native-like/machine/layout.ts';
import { loadConfigFile } from '../config/load.ts';
import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { type Chart, runCharts, sweepCharts } from '../load/charts.ts';
import { idleGuests, loadedGuests, withLoad } from '../load/overrides.ts';
import { pageHtml } from '../load/page.ts';
import type { RunResult } from '../load/result.ts';
import { runJson } from '../load/run-json.ts';
import { runText } from '../load/run-text.ts';
import { sweepJson, sweepText } from '../load/sweep-text.ts';
import { checkThresholds } from '../load/thresholds.ts';
import { verdictOf } from '../load/verdict.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import type { AddCommand } from './add-command.ts';
import { parseSeed } from './exec.ts';
import { type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { outputOption, writeOutput } from './output-file.ts';
import { pageFacts } from './page-facts.ts';
import {
  arrivalsOption,
  durationOption,
  failIfOption,
  lengthOption,
  messagesOption,
  numberOption,
  outstandingOption,
  overridesOf,
  type RunOptions,
  rateOption,
  sweepOption,
  workloadOption,
} from './run-options.ts';
import { runPooled } from './run-pooled.ts';
import { checkSweepOptions, sweep, sweepHow } from './run-sweep.ts';
import { s390ToolsOption, withRelease } from './s390-tools-option.ts';
import { runSteppedLoad } from './stepped-thread.ts';
import { showWarnings } from './text.ts';
import { TRACE_HELP, TraceFile } from './trace-file.ts';

/** Most worker threads: the machine image has a clock for each thread, and the main one is another. */
const WORKERS_MAX = THREADS_MAX - 1;
/** Distance of samples, nanoseconds: virtual time has a finer grain than reports of workers. */
const INTERVAL_NS = { pooled: 100_000_000, stepped: 1_000_000 } as const;

export const addRun: AddCommand = (program, io, done) => {
  program
    .command('run')
    .description('run the guests of a configuration until their workloads are done')
    .argument('<config>', 'configuration (YAML)')
    .option('--duration <time>', 'end after this time: 500ms, 10s', durationOption('duration'))
    .option('--workers <number>', 'worker threads', numberOption('workers', 1, WORKERS_MAX))
    .option('--stepped', 'one thread and virtual time: the same input gives the same output')
    .option('--seed <number>', "the machine's seed, instead of the configuration's", parseSeed)
    .addOption(s390ToolsOption())
    .option('--workload <name>', 'what all guests send', workloadOption)
    .option('--messages <number>', 'messages a queue, or endless', messagesOption)
    .option('--rate <rate>', 'messages a second of each guest, or Guest1=RATE', rateOption)
    .option(
      '--arrivals <kind>',
      'distance of messages: fixed, poisson; or a file of times, of one guest: Guest1=FILE',
      arrivalsOption,
    )
    .option('--outstanding <number>', 'most messages in a queue', outstandingOption)
    .option('--length <bytes>', 'length of loopback messages: 64, 64..12288', lengthOption)
    .option('--interval <time>', 'distance of samples', durationOption('interval'))
    .addOption(
      new Option(
        '--sweep [axis]',
        'raise the load step by step: rate=1000..9000, queues=1..8, adapters, depth, engines',
      )
        .preset('rate')
        .argParser(sweepOption),
    )
    .option(
      '--fail-if <threshold>',
      "end with code 1 when it holds: 'p99>1ms', 'rate<10000', 'Guest1:busy>90%'",
      failIfOption,
    )
    .option('--wall', 'sweep in real time on workers, not in virtual time')
    .option('--target <time>', 'sweep: p99 must keep within this', durationOption('target'))
    .addOption(
      new Option(
        '--hot-plug [interval]',
        'take adapters from running guests and give them back; account for every message',
      )
        .preset('100ms')
        .argParser(durationOption('hot-plug')),
    )
    .option('--json', 'one record a line')
    .option('--html <file>', 'write a page with plots', outputOption)
    .option('--trace <file>', TRACE_HELP)
    .action(async (file: string, options: RunOptions, _command: Command) => {
      done(await run(file, options, io));
    });
};

async function run(file: string, options: RunOptions, io: CommandIo): Promise<number> {
  checkSweepOptions(options);
  checkHotPlug(options);
  const loaded = loadConfigFile(file);
  showWarnings(loaded, io);
  if (options.sweep !== undefined) {
    const result = await sweep(loaded.config, options, io);
    const text = sweepText(result, sweepHow(options));
    io.out(options.json === true ? sweepJson(result) : text);
    show(file, options, text, sweepCharts(result), loaded.config);
    return EXIT_OK;
  }
  const released = withRelease(loaded.config, options.s390Tools);
  const config = withLoad(released, overridesOf(options), options.seed);
  for (const guest of idleGuests(config))
    io.err(`warning: guest ${guest} has no adapter that can run its workload\n`);
  checkThresholds(
    options.failIf ?? [],
    loadedGuests(config).map(({ name }) => name),
  );
  const result = await runTraced(config, options, io);
  const cut = options.duration !== undefined || options.hotPlug !== undefined || io.signal.aborted;
  const verdict = verdictOf(result, options.failIf ?? [], { cut });
  const text = runText(result, verdict);
  io.out(options.json === true ? runJson(result, verdict) : text);
  if (options.json === true) for (const problem of verdict.problems) io.err(`${problem}\n`);
  show(file, options, text, runCharts(result), config);
  return verdict.failed ? EXIT_MISMATCH : EXIT_OK;
}

/** @throws ApemuError APEMU_ERR_USAGE_HOT_PLUG: masks change under vCPUs that run on workers. */
function checkHotPlug({ hotPlug, stepped, sweep: axes }: RunOptions): void {
  if (hotPlug === undefined || (stepped !== true && axes === undefined)) return;
  throw new ApemuError(
    'APEMU_ERR_USAGE_HOT_PLUG',
    `--hot-plug is for guests on workers (expected it without ${stepped === true ? '--stepped' : '--sweep'})`,
  );
}

async function runTraced(
  config: MachineConfig,
  options: RunOptions,
  io: CommandIo,
): Promise<RunResult> {
  if (options.trace === undefined) return runLoad(config, options, io);
  const file = new TraceFile(options.trace);
  try {
    return await runLoad(config, options, io, file.watch);
  } finally {
    file.close(io);
  }
}

function runLoad(
  config: MachineConfig,
  options: RunOptions,
  io: CommandIo,
  watch: MachineWatch = {},
): Promise<RunResult> {
  const { seed, duration, workers, stepped = false, interval, hotPlug } = options;
  const common = {
    intervalNs: interval ?? INTERVAL_NS[stepped ? 'stepped' : 'pooled'],
    ...(seed === undefined ? {} : { seed }),
    ...(duration === undefined ? {} : { durationNs: duration }),
    ...watch,
  };
  if (stepped) return runSteppedLoad(config, common, io);
  const threads = workers === undefined ? {} : { workers };
  const plug = hotPlug === undefined ? {} : { hotPlugNs: hotPlug };
  return runPooled(config, { ...common, ...threads, ...plug, silent: options.json === true }, io);
}

/** Writes the page of `--html`. */
function show(
  file: string,
  { html, seed }: RunOptions,
  text: string,
  charts: readonly Chart[],
  config: MachineConfig,
): void {
  if (html !== undefined)
    writeOutput(html, pageHtml(`apemu run ${file}`, text, charts, pageFacts(config, seed)));
}
