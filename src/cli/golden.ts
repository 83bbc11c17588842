// SPDX-License-Identifier: Apache-2.0
// `apemu golden FILE...`: replays recordings of a real kernel's sysfs, line for line.
// Source: docs/design.md section 7; test/golden/README.md (format).

import { gunzipSync } from 'node:zlib';
import { type Command, Option } from 'commander';
import { configFromObject, loadConfigFile } from '../config/load.ts';
import { type FileKind, readBytes, textOf, tooLong } from '../config/text-file.ts';
import { KERNEL_PROFILES, type KernelProfileName, type MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { type GoldenResult, replayGolden } from '../sysfs/golden.ts';
import type { AddCommand } from './commands.ts';
import { exitCodeOf, formatError } from './errors.ts';
import { GOLDEN_CONFIG, openGoldenHost } from './golden-host.ts';
import { type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { count } from './text.ts';

/** A recording of a day is far shorter; unpacked, too: a gzip of a few kilobytes unpacks to gigabytes of empty lines. */
const RECORDING: FileKind = {
  name: 'recording',
  code: 'APEMU_ERR_GOLDEN_READ',
  maxBytes: 128 * 1024 * 1024,
  maxLines: 1_000_000,
};

interface GoldenOptions {
  readonly kernel?: KernelProfileName;
  readonly config?: string;
  readonly json?: boolean;
}

export const addGolden: AddCommand = (program, io, done) => {
  program
    .command('golden')
    .description("replay recordings of a real kernel's sysfs")
    .argument('<file...>', 'recordings (*.jsonl, *.jsonl.gz)')
    .addOption(
      new Option('-k, --kernel <profile>', 'behaviour profile, default linux-6.12').choices(
        KERNEL_PROFILES,
      ),
    )
    .option('-c, --config <file>', 'the partition, instead of the one of the recordings here')
    .option('--json', 'one JSON object a file')
    .action(async (files: string[], options: GoldenOptions, _command: Command) => {
      const config = configFor(options);
      let worst = EXIT_OK;
      for (const file of files) {
        worst = Math.max(worst, await replayFile(file, config, options, io));
      }
      done(worst);
    });
};

function configFor({ config: file, kernel }: GoldenOptions): MachineConfig {
  const { config } = file === undefined ? configFromObject(GOLDEN_CONFIG) : loadConfigFile(file);
  return kernel === undefined ? config : { ...config, host: { ...config.host, kernel } };
}

async function replayFile(
  file: string,
  config: MachineConfig,
  options: GoldenOptions,
  io: CommandIo,
): Promise<number> {
  try {
    const text = readRecording(file);
    const host = await openGoldenHost(config);
    try {
      const result = replayGolden(host, text, file);
      io.out(options.json === true ? `${JSON.stringify(result)}\n` : describe(result));
      return result.differences > 0 ? EXIT_MISMATCH : EXIT_OK;
    } finally {
      host.close();
    }
  } catch (error) {
    io.log.debug({ err: error }, file);
    io.err(formatError(error));
    return exitCodeOf(error);
  }
}

function readRecording(file: string): string {
  const bytes = readBytes(file, RECORDING);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return textOf(packed ? unpack(bytes, file) : bytes, file, RECORDING);
}

function unpack(bytes: Buffer, file: string): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: RECORDING.maxBytes });
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    if (errno === 'ERR_BUFFER_TOO_LARGE') throw tooLong(file, RECORDING);
    throw new ApemuError('APEMU_ERR_GOLDEN_READ', `cannot read recording ${file}: ${errno}`, {
      errno,
      place: { file },
      cause,
    });
  }
}

function describe(result: GoldenResult): string {
  const { file, writes, reads, drivers, partitions, differences, first } = result;
  const seen = `${count(writes, 'write')}, ${count(reads + drivers, 'read')}, ${count(partitions, 'change')} of the partition`;
  if (first === undefined) return `${file}: ${seen}: ok\n`;
  return [
    `${file}: ${seen}: ${count(differences, 'difference')}`,
    `${file}:${first.line}: ${first.operation}`,
    `  expected ${first.expected}`,
    `  got      ${first.actual}`,
    '',
  ].join('\n');
}
