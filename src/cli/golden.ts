// SPDX-License-Identifier: Apache-2.0
// `apemu golden`: replays recordings of a real kernel's sysfs, records a kernel, compares one with the model as it runs.
// Source: docs/design.md section 7; docs/oracle.md.

import { type Command, Option } from 'commander';
import { KERNEL_PROFILES } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { KINDS } from '../host-operations/kinds.ts';
import { NS_PER_SECOND } from '../units.ts';
import type { AddCommand } from './add-command.ts';
import { compareKernel } from './golden-compare.ts';
import type { GoldenOptions } from './golden-options.ts';
import { recordKernel } from './golden-record.ts';
import { replayFiles } from './golden-replay.ts';
import { durationOption, numberOption } from './run-options.ts';

export const addGolden: AddCommand = (program, io, done) => {
  program
    .command('golden')
    .description(
      "replay recordings of a real kernel's sysfs, make one, or compare a kernel with the model",
    )
    .argument(
      '[file...]',
      'recordings (*.jsonl, *.jsonl.gz, *.jsonl.br); with --record the one to make',
    )
    .option(
      '-k, --kernel <kernel>',
      'replay: behaviour profile (default: what the recording says); --record, --compare: a kernel image, a series, or a profile: the model in its place',
    )
    .addOption(
      new Option(
        '--profile <profile>',
        'the profile of the model that a kernel is compared with',
      ).choices(KERNEL_PROFILES),
    )
    .option('-c, --config <file>', 'the partition, instead of the one of the recordings here')
    .option('--record', 'perform operations on a kernel and record what comes out')
    .option('--compare', 'record one sequence after the other, replay each on the model')
    .option('--initrd <file>', "a guest image's, for a kernel image (default: our newest)")
    .option('--append <text>', 'more of the kernel command line')
    .option(
      '--seed <number>',
      'where the operations come from',
      numberOption('seed', 1, 0x7fffffff),
      1,
    )
    .option(
      '--operations <number>',
      'of a sequence, not counting looks',
      numberOption('operations', 1, 0x7fffffff),
      400,
    )
    .option('--kind <kinds>', `only these: ${KINDS.map(({ name }) => name).join(',')}`, kindsOption)
    .option('--from <file>', 'with --record: the operations of a recording')
    .option(
      '--time <time>',
      'with --compare: no new sequence after that',
      durationOption('time'),
      60 * NS_PER_SECOND,
    )
    .option('--out <folder>', 'with --compare: recordings of what was found')
    .option('--no-search', 'do not look for what a recording does not say of its run')
    .option('--json', 'one JSON object a file')
    .action(async (files: string[], options: GoldenOptions, _command: Command) => {
      if (options.record === true && options.compare === true)
        throw usage('--record and --compare exclude each other');
      if (options.record === true) done(await recordKernel(files, options, io));
      else if (options.compare === true) done(await compareKernel(files, options, io));
      else if (files.length === 0) throw usage('golden needs a recording, --record or --compare');
      else done(await replayFiles(files, options, io));
    });
};

const usage = (message: string): ApemuError => new ApemuError('APEMU_ERR_USAGE_GOLDEN', message);

function kindsOption(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !KINDS.some((kind) => kind.name === name));
  if (unknown === undefined) return [...before, ...names];
  const known = KINDS.map(({ name, what }) => `${name} (${what})`).join(', ');
  throw usage(`--kind: no kind ${unknown}; there are ${known}`);
}
