// SPDX-License-Identifier: Apache-2.0
// `apemu qemu [CONFIG]`: boots stock s390x kernels under QEMU, and serves their AP instructions with this machine.
// Source: docs/design.md section 7; docs/reference/qemu-attach.md.

import type { Command } from 'commander';
import { loadConfigFile, loadConfigOrClusterFile } from '../config/load.ts';
import { parseMemory } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import type { LaunchOptions } from '../qemu/arguments.ts';
import { formatFigures, measureFigures } from '../qemu/benchmark/benchmark.ts';
import { guestsOf, type QemuCommand, runQemu, wantedGuests } from '../qemu/command.ts';
import { formatDemo, runDemo } from '../qemu/demo.ts';
import { makeGuestImage } from '../qemu/guest-image/build.ts';
import { DEFAULT_SERIES, KERNEL_SERIES } from '../qemu/guest-image/suites.ts';
import { PARTITION } from '../qemu/guest-machine.ts';
import { runPlanned } from '../qemu/planned-run.ts';
import {
  formatResponseCodes,
  type KernelTable,
  probeResponseCodes,
} from '../qemu/response-codes/report.ts';
import { RecentTrace } from '../trace/recent.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { MIB } from '../units.ts';
import type { AddCommand } from './add-command.ts';
import { GuestLines } from './guest-lines.ts';
import { type CommandIo, EXIT_OK } from './io.ts';
import { refuseConflicts } from './qemu-conflicts.ts';
import { addPlanOptions, type PlanOptions, planOf, readyMark, scenarioOf } from './qemu-plan.ts';
import { released, s390ToolsOption } from './s390-tools-option.ts';
import { shellSession } from './shell-session.ts';
import { showWarnings } from './text.ts';
import { TRACE_HELP, TraceFile } from './trace-file.ts';
import { TypedInput } from './typed-input.ts';
import { packageFile } from './version.ts';

interface QemuOptions extends PlanOptions {
  readonly guest?: readonly string[];
  readonly initrd?: string;
  readonly s390Tools?: string;
  readonly append?: string;
  readonly image?: string;
  /** Guest storage in MiB. */
  readonly memory?: number;
  readonly interrupts: boolean;
  readonly reboot?: boolean;
  readonly hook?: 'linux' | 'bare';
  readonly lpar?: boolean;
  readonly attach?: string;
  readonly shell?: string;
  readonly trace?: string;
  readonly demo?: boolean;
  readonly responseCodes?: boolean;
  readonly benchmark?: boolean;
}

/** The package's own example, wherever the package is. */
const DEFAULT_CONFIG = packageFile('examples/two-guests.yaml') ?? 'examples/two-guests.yaml';

export const addQemu: AddCommand = (program, io, done) => {
  const command = program
    .command('qemu')
    .description("boot stock s390x kernels under QEMU on this machine's cards")
    .argument(
      '[config]',
      'configuration (YAML); its guests are booted (default: the two guests of the examples)',
    )
    .argument('[qemu-options...]', 'after --: more options for QEMU')
    .option('--guest <name...>', 'these guests, instead of all')
    .option('--kernel <file>', 'kernel image')
    .option('--initrd <file>', 'initial RAM disk')
    .option('--append <text>', 'more of the kernel command line')
    .option(
      '--image <series>',
      `our own small Linux: ${KERNEL_SERIES.join(', ')} (default without --kernel)`,
    )
    .option('--memory <size>', 'guest storage, such as 512MiB', memoryOption)
    .option('--no-interrupts', 'without facility 65: the guest polls')
    .option('--reboot', 'a guest may restart')
    .option('--hook <rule>', 'when handlers are final: linux, or bare for test kernels', hookOption)
    .option('--lpar', "AP instructions are the partition's own: a kernel that is the host")
    .option('--attach <socket>', 'serve a QEMU that runs already, by its monitor socket')
    .option('--shell <socket>', "a Unix socket (mode 0600) with the administrator's shell")
    .addOption(s390ToolsOption())
    .option('--trace <file>', TRACE_HELP)
    .option(
      '--demo',
      'boot all guests, print lszcrypt -V of each, end; guests that share cards send RSA requests first',
    )
    .option('--response-codes', 'what Linux does with each response code, as a table (long)')
    .option('--benchmark', 'boot time with and without us, TAPQ, RSA requests, migrations');
  addPlanOptions(command).action(
    async (given: string | undefined, rest: string[], options: QemuOptions, _command: Command) => {
      const first = given ?? DEFAULT_CONFIG;
      // Without CONFIG, the first argument after -- is an option of QEMU.
      const [file, extra] = first.startsWith('-')
        ? [DEFAULT_CONFIG, [first, ...rest]]
        : [first, rest];
      refuseConflicts(givenOptions(options, extra));
      if (options.demo === true) await demo(file, options, io);
      else if (options.responseCodes === true) await responseCodes(options, io);
      else if (options.benchmark === true) await benchmark(options, io);
      else return done(await boot(file, extra, options, io));
      return done(EXIT_OK);
    },
  );
};

/** Names of the options that were given, as on the command line. */
function givenOptions(options: QemuOptions, extra: readonly string[]): Set<string> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const names = given.flatMap(([name, value]) => {
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return value === false ? [`no-${option}`] : option === 'interrupts' ? [] : [option];
  });
  return new Set([...names, ...(extra.length > 0 ? ['QEMU options'] : [])]);
}

function memoryOption(text: string): number {
  const bytes = parseMemory(text);
  if (bytes === undefined || bytes < 128 * MIB || bytes % MIB !== 0) {
    throw new ApemuError(
      'APEMU_ERR_USAGE_MEMORY',
      `--memory is ${text} (expected whole MiB, at least 128MiB)`,
    );
  }
  return bytes / MIB;
}

function hookOption(text: string): string {
  if (text === 'linux' || text === 'bare') return text;
  throw new ApemuError('APEMU_ERR_USAGE_HOOK', `--hook is ${text} (expected linux or bare)`);
}

const log = (io: CommandIo) => (line: string) => io.err(`${line}\n`);

const interruptible = (io: CommandIo) => ({ log: log(io), signal: io.signal });

const imageOf = (options: QemuOptions, io: CommandIo) =>
  makeGuestImage(options.image ?? DEFAULT_SERIES, { log: log(io) });

async function demo(file: string, options: QemuOptions, io: CommandIo): Promise<void> {
  const loaded = loadConfigFile(file);
  showWarnings(loaded, io);
  const outputs = await runDemo(loaded.config, await imageOf(options, io), interruptible(io));
  io.out(`${formatDemo(outputs).trimEnd()}\n`);
}

/** The series of the stable releases, for docs/linux-response-codes.md. */
const RESPONSE_CODE_SERIES = ['6.1', DEFAULT_SERIES];

/** Tries response codes: with one kernel if there is --image, otherwise with those of the page. */
async function responseCodes(options: QemuOptions, io: CommandIo): Promise<void> {
  const tables: KernelTable[] = [];
  for (const series of options.image === undefined ? RESPONSE_CODE_SERIES : [options.image]) {
    const image = await makeGuestImage(series, { log: log(io) });
    tables.push(await probeResponseCodes(image, interruptible(io)));
  }
  io.out(formatResponseCodes(tables));
}

async function benchmark(options: QemuOptions, io: CommandIo): Promise<void> {
  const figures = await measureFigures(await imageOf(options, io), interruptible(io));
  io.out(formatFigures(figures));
}

async function boot(
  file: string,
  extra: readonly string[],
  options: QemuOptions,
  io: CommandIo,
): Promise<number> {
  const loaded = loadConfigOrClusterFile(file);
  showWarnings(loaded, io);
  const lpar = options.lpar === true;
  const configured = guestsOf(loaded.config).map((guest) => guest.name);
  // A name that is wrong is said before an image is fetched.
  const names = lpar ? [PARTITION] : wantedGuests(loaded.config, options.guest);
  const alone = names.length === 1;
  const lines = new GuestLines((text) => io.out(text));
  const plan = planOf(options, names, configured);
  // A guest that moves has its console in one QEMU after the other.
  const terminal = alone && plan === undefined && !('machines' in loaded.config);
  const shown = (guest: string, text: string) => (alone ? io.out(text) : lines.shown(guest, text));
  const typed = new TypedInput(io.input, readyMark(options));
  const scenario = options.scenario === undefined ? undefined : scenarioOf(options.scenario, io);
  const recent = options.shell === undefined ? undefined : new RecentTrace();
  const recentOf = recent === undefined ? {} : { trace: recent };
  const command: QemuCommand = {
    ...(scenario === undefined ? {} : { scenario }),
    ...traceTo(scenario?.trace, recent?.take),
    config: released(loaded.config, options.s390Tools),
    ...(options.guest === undefined ? {} : { guests: options.guest }),
    ...(lpar ? { lpar } : {}),
    ...(options.attach === undefined
      ? { launch: await launchOf(options, extra, terminal, io) }
      : { attach: options.attach }),
    ...(options.hook === undefined ? {} : { hook: options.hook }),
    ...(options.shell === undefined
      ? {}
      : {
          shellSocket: options.shell,
          shell: (machine, several) => shellSession(machine, { ...several, ...recentOf }),
        }),
    log: log(io),
    onConsole: (guest, text) => {
      shown(guest, text);
      typed.shown(text);
    },
    onServed: ([served]) => {
      const console = served?.[1].qemu?.input;
      if (alone && console) typed.attach(console);
    },
    signal: io.signal,
  };
  try {
    return await traced(command, options, io, async (run) => {
      if (plan !== undefined) return runPlanned(run, plan, shown);
      await runQemu(run);
      return EXIT_OK;
    });
  } finally {
    for (const line of scenario?.end() ?? []) io.err(`scenario line ${line} did not happen\n`);
    typed.close();
    lines.flush();
  }
}

/** Passes records on to all that want them. If nobody does, nothing is traced. */
function traceTo(...takers: readonly (TakeTrace | undefined)[]): { onTrace?: TakeTrace } {
  const wanted = takers.filter((take) => take !== undefined);
  if (wanted.length === 0) return {};
  return { onTrace: (...batch) => wanted.forEach((take) => void take(...batch)) };
}

/** Runs a command, and writes its AP instructions into a file if that is wanted. */
async function traced<T>(
  command: QemuCommand,
  options: QemuOptions,
  io: CommandIo,
  run: (command: QemuCommand) => Promise<T>,
): Promise<T> {
  if (options.trace === undefined) return run(command);
  const file = new TraceFile(options.trace);
  try {
    const onConsoleAt = (guest: string, text: string, nowNs: number): void =>
      file.console(guest, text, nowNs);
    const { onTrace, ...others } = file.watch;
    return await run({ ...command, ...others, ...traceTo(onTrace, command.onTrace), onConsoleAt });
  } finally {
    file.close(io);
  }
}

/** A single guest uses apemu's terminal. With several guests, their output is shown with their names. */
async function launchOf(
  options: QemuOptions,
  extra: readonly string[],
  alone: boolean,
  io: CommandIo,
): Promise<LaunchOptions> {
  const files =
    options.kernel === undefined
      ? await imageOf(options, io)
      : {
          kernel: options.kernel,
          ...(options.initrd === undefined ? {} : { initrd: options.initrd }),
        };
  return {
    ...files,
    ...(options.append === undefined ? {} : { append: options.append }),
    ...(options.memory === undefined ? {} : { memoryMiB: options.memory }),
    interrupts: options.interrupts,
    reboot: options.reboot === true,
    bare: options.hook === 'bare',
    console: alone && io.isTerminal ? 'inherit' : 'pipe',
    extra,
  };
}
