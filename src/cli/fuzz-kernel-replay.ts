// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz --replay PATH --kernel`: what is wrong with a kernel in scenarios, and `--against`: in which of them two kernels differ.
// Source: docs/design.md section 10.
import { PROGRAM, readText } from '../config/text-file.ts';
import { configOfProgram } from '../fuzz/replay.ts';
import { keyOf } from '../fuzz/run-job.ts';
import { KernelTarget } from '../kernel-fuzz/kernel-target.ts';
import { judge, type Violation } from '../oracle/oracles.ts';
import { parseProgram } from '../program/parse.ts';
import { eventsOf } from '../scenario/text.ts';
import { nameOf, targetOptions } from './fuzz-kernel.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { count } from './text.ts';

/** Processes of a kernel are not in step: what happens in one of these runs happens. */
const REPLAYS = 10;

/** A kernel that replays scenarios, one after the other. */
export class KernelReplay {
  readonly #target: KernelTarget;
  readonly #options: FuzzOptions;

  private constructor(target: KernelTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Boots the kernel with the configuration of the command, or the one that a scenario names. */
  static async boot(
    config: string | undefined,
    file: string,
    options: FuzzOptions,
    io: CommandIo,
  ): Promise<KernelReplay> {
    const named = config ?? configOfProgram(parseProgram(readText(file, PROGRAM), file));
    const target = await KernelTarget.create(await targetOptions(named, options, io));
    return new KernelReplay(target, options);
  }

  /** The rule that a scenario breaks; undefined: none, in some runs and in repetitions. */
  async violation(file: string): Promise<Violation | undefined> {
    const events = eventsOf(parseProgram(readText(file, PROGRAM), file));
    const { without } = this.#options;
    for (let n = 0; n < REPLAYS; n++) {
      await this.#target.reset();
      const found = judge(await this.#target.run(events), without);
      if (found !== undefined) return found;
    }
    return judge(await this.#target.repeat(events), without);
  }

  async close(): Promise<void> {
    await this.#target.close();
  }
}

/** Runs scenarios on two kernels, and tells those in which they differ. */
export async function compareKernels(
  config: string | undefined,
  files: readonly string[],
  options: FuzzOptions & { readonly against: string },
  io: CommandIo,
): Promise<number> {
  const sides = [options, { ...options, kernel: options.against }];
  const names = sides.map(nameOf);
  const open: KernelReplay[] = [];
  let done = 0;
  let different = 0;
  try {
    for (const side of sides) open.push(await KernelReplay.boot(config, files[0], side, io));
    for (const file of files) {
      if (io.signal.aborted) break;
      const told: string[] = [];
      for (const kernel of open) {
        const found = await kernel.violation(file);
        told.push(found === undefined ? 'every rule holds' : keyOf(found));
      }
      done++;
      if (told[0] !== told[1]) {
        different++;
        io.out(`${file}\n${names.map((name, n) => `    ${name}: ${told[n]}\n`).join('')}`);
      }
      await breathe();
    }
  } finally {
    for (const kernel of open) await kernel.close();
  }
  io.out(
    `${count(done, 'scenario')}: ${different === 0 ? 'the kernels do the same' : `the kernels differ in ${different}`}\n`,
  );
  return different > 0 ? EXIT_MISMATCH : EXIT_OK;
}
