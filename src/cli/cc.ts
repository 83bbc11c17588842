// SPDX-License-Identifier: Apache-2.0
// `apemu cc SOURCES… -o driver.wasm`: the installed clang and lld with the options that make a driver apemu runs, and nothing else.
// Source: docs/c-drivers.md.
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { parseMemory } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { readDriverModule } from '../guest/c-driver/driver-module.ts';
import { slim } from '../guest/c-driver/sections.ts';
import type { AddCommand } from './add-command.ts';
import { compileDriver } from './clang.ts';
import { type CommandIo, EXIT_OK } from './io.ts';

interface CcOptions {
  readonly output: string;
  readonly define: readonly string[];
  readonly include: readonly string[];
  readonly memory: number;
  readonly stack: number;
  readonly coverage: boolean;
  readonly sanitize: boolean;
  readonly clang: string;
}

const MEMORY = '1MiB';
const STACK = '32KiB';

const collect = (value: string, all: readonly string[]): string[] => [...all, value];

const size =
  (option: string) =>
  (text: string): number => {
    const bytes = parseMemory(text);
    if (bytes !== undefined && bytes > 0) return bytes;
    throw new ApemuError(
      'APEMU_ERR_USAGE_SIZE',
      `--${option} is ${text} (expected a size with its unit, such as 1MiB)`,
    );
  };

export const addCc: AddCommand = (program, io, done) => {
  program
    .command('cc')
    .description('compile a driver in C to a module for --driver and program:')
    .argument('<sources...>', 'C files')
    .requiredOption('-o, --output <file>', 'the module, such as driver.wasm')
    .option('-D, --define <name>', 'a macro, as clang has it', collect, [])
    .option('-I, --include <folder>', 'a folder of headers', collect, [])
    .addOption(
      new Option('--memory <size>', 'size of the guest storage: all the memory it has')
        .argParser(size('memory'))
        .default(parseMemory(MEMORY), MEMORY),
    )
    .addOption(
      new Option('--stack <size>', 'size of the stack')
        .argParser(size('stack'))
        .default(parseMemory(STACK), STACK),
    )
    .option('--no-coverage', 'do not count branches: faster, and endless loops are not noticed')
    .option('--no-sanitize', 'do not look for undefined behaviour')
    .option('--clang <program>', 'the compiler', 'clang')
    .action(async (sources: string[], options: CcOptions, _command: Command) => {
      done(await cc(sources, options, io));
    });
};

async function cc(sources: readonly string[], options: CcOptions, io: CommandIo): Promise<number> {
  for (const source of sources)
    if (statSync(source, { throwIfNoEntry: false })?.isFile() !== true)
      throw new ApemuError('APEMU_ERR_USAGE_CC', `there is no ${source} (expected a C file)`);
  const { clang, memory, stack, coverage, sanitize, define, include, output } = options;
  const more = [...define.map((one) => `-D${one}`), ...include.map((one) => `-I${resolve(one)}`)];
  const { signal } = io;
  const warnings = await compileDriver(sources, output, {
    clang,
    more,
    memory,
    stack,
    coverage,
    sanitize,
    signal,
  });
  if (warnings !== '') io.err(warnings);
  const bytes = slim(readFileSync(output));
  readDriverModule(bytes, output);
  writeFileSync(output, bytes);
  chmodSync(output, 0o644);
  io.out(`${output}: ${bytes.length} bytes\n`);
  return EXIT_OK;
}
