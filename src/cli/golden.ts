// SPDX-License-Identifier: Apache-2.0
// `apemu golden FILE...`: replays recordings of a real kernel's sysfs, line for line, event for event, in their own time.
// Source: docs/design.md section 7; test/golden/README.md (format).

import { type Command, Option } from 'commander';
import { type HostSwitches, PROFILES } from '../ap-bus/profile.ts';
import { configFromObject, loadConfigFile } from '../config/load.ts';
import { KERNEL_PROFILES, type KernelProfileName, type MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { type GoldenResult, replayGolden } from '../sysfs/golden.ts';
import { type Circumstances, findCircumstances, type Replayer } from '../sysfs/golden-search.ts';
import { type RecordedKernel, recordedKernel } from '../sysfs/recording.ts';
import type { AddCommand } from './add-command.ts';
import { exitCodeOf, formatError } from './errors.ts';
import { GOLDEN_CONFIG, openGoldenHost, USUAL_BOOT_US } from './golden-host.ts';
import { describeGolden } from './golden-text.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { readRecording } from './recording-file.ts';

interface GoldenOptions {
  readonly kernel?: KernelProfileName;
  readonly config?: string;
  readonly json?: boolean;
  /** `--no-search`: false. */
  readonly search: boolean;
}

export const addGolden: AddCommand = (program, io, done) => {
  program
    .command('golden')
    .description("replay recordings of a real kernel's sysfs")
    .argument('<file...>', 'recordings (*.jsonl, *.jsonl.gz, *.jsonl.br)')
    .addOption(
      new Option(
        '-k, --kernel <profile>',
        'behaviour profile, default: what the recording says, else linux-6.12',
      ).choices(KERNEL_PROFILES),
    )
    .option('-c, --config <file>', 'the partition, instead of the one of the recordings here')
    .option('--no-search', 'do not look for what a recording does not say of its run')
    .option('--json', 'one JSON object a file')
    .action(async (files: string[], options: GoldenOptions, _command: Command) => {
      const config = partitionFor(options);
      let worst = EXIT_OK;
      for (const file of files) {
        if (io.signal.aborted) break;
        worst = Math.max(worst, await replayFile(file, config, options, io));
        await breathe();
      }
      done(worst);
    });
};

const partitionFor = ({ config: file }: GoldenOptions): MachineConfig =>
  (file === undefined ? configFromObject(GOLDEN_CONFIG) : loadConfigFile(file)).config;

/** The profile: of the command, of the recording, of the configuration. */
function profileFor(
  file: string,
  recorded: RecordedKernel,
  options: GoldenOptions,
  config: MachineConfig,
): KernelProfileName {
  const name = options.kernel ?? recorded.profile ?? config.host.kernel;
  const known = KERNEL_PROFILES.find((profile) => profile === name);
  if (known !== undefined) return known;
  const expected = `expected one of ${KERNEL_PROFILES.join(', ')}`;
  throw new ApemuError('APEMU_ERR_GOLDEN_LINE', `no profile ${name} (${expected})`, {
    place: { file, line: 1 },
  });
}

function switchesOf(file: string, recorded: RecordedKernel): Partial<HostSwitches> {
  const known: Readonly<Record<string, unknown>> = { ...PROFILES.current };
  for (const [name, value] of Object.entries(recorded.switches ?? {})) {
    if (Object.hasOwn(known, name) && typeof value === typeof known[name]) continue;
    throw new ApemuError('APEMU_ERR_GOLDEN_LINE', `no switch ${name} of value ${value}`, {
      place: { file, line: 1 },
    });
  }
  return (recorded.switches ?? {}) as Partial<HostSwitches>;
}

async function replayFile(
  file: string,
  config: MachineConfig,
  options: GoldenOptions,
  io: CommandIo,
): Promise<number> {
  try {
    const text = readRecording(file);
    const recorded = recordedKernel(text, file);
    const kernel = profileFor(file, recorded, options, config);
    const replay = replayer(text, file, { ...config, host: { ...config.host, kernel } });
    const start: Circumstances = {
      bootUs: recorded.bootUs ?? USUAL_BOOT_US,
      turns: recorded.turns ?? {},
      pauses: recorded.pauses ?? {},
      switches: switchesOf(file, recorded),
    };
    let { result } = await replay(start, false);
    let found = start;
    if (result.differences > 0 && options.search) {
      const aborted = (): boolean => io.signal.aborted;
      found = await findCircumstances(replay, start, {
        build: recorded.switches === undefined,
        aborted,
      });
      ({ result } = await replay(found, false));
    }
    io.out(options.json === true ? jsonLine(result, found) : describeGolden(result, start, found));
    return result.differences > 0 ? EXIT_MISMATCH : EXIT_OK;
  } catch (error) {
    io.log.debug({ err: error }, file);
    io.err(formatError(error));
    return exitCodeOf(error);
  }
}

const jsonLine = (result: GoldenResult, circumstances: Circumstances): string =>
  `${JSON.stringify({ ...result, circumstances })}\n`;

/** Replays on a fresh host each time. */
const replayer =
  (text: string, file: string, config: MachineConfig): Replayer =>
  async (circumstances, toFirst) => {
    await breathe();
    const { switches, pauses } = circumstances;
    const all = { ...config.host.switches, ...switches };
    const host = await openGoldenHost(
      { ...config, host: { ...config.host, switches: all } },
      circumstances,
    );
    try {
      const result = replayGolden(host, text, file, { toFirst, pauses });
      return { result, asked: host.asked };
    } finally {
      host.close();
    }
  };
