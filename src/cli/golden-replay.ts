// SPDX-License-Identifier: Apache-2.0
// `apemu golden FILE...`: replays recordings line for line, event for event, in their own time.
// Source: docs/design.md section 7; test/golden/README.md (format).
import { KERNEL_PROFILES, type MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { replayRecording } from '../recorder/replay.ts';
import { exitCodeOf, formatError } from './errors.ts';
import { type GoldenOptions, partitionFor, profileNamed } from './golden-options.ts';
import { describeGolden } from './golden-text.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { readRecording } from './recording-file.ts';

/** Replays files. Returns the worst exit code of all. */
export async function replayFiles(
  files: readonly string[],
  options: GoldenOptions,
  io: CommandIo,
): Promise<number> {
  if (options.kernel !== undefined && profileNamed(options.kernel) === undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_GOLDEN',
      `--kernel is ${options.kernel} (expected one of ${KERNEL_PROFILES.join(', ')})`,
    );
  const config = partitionFor(options);
  let worst = EXIT_OK;
  for (const file of files) {
    if (io.signal.aborted) break;
    worst = Math.max(worst, await replayFile(file, config, options, io));
    await breathe();
  }
  return worst;
}

async function replayFile(
  file: string,
  config: MachineConfig,
  options: GoldenOptions,
  io: CommandIo,
): Promise<number> {
  try {
    const { result, start, found } = await replayRecording(readRecording(file), file, {
      config,
      profile: options.profile ?? profileNamed(options.kernel),
      search: options.search,
      aborted: () => io.signal.aborted,
      breathe,
      blocking: (work) => io.blocking(work),
    });
    io.out(
      options.json === true
        ? `${JSON.stringify({ ...result, circumstances: found })}\n`
        : describeGolden(result, start, found),
    );
    return result.differences > 0 ? EXIT_MISMATCH : EXIT_OK;
  } catch (error) {
    io.log.debug({ err: error }, file);
    io.err(formatError(error));
    return exitCodeOf(error);
  }
}
