// SPDX-License-Identifier: Apache-2.0
// `apemu golden --compare`: a kernel and the model side by side until the time is over.
// Source: docs/oracle.md.
import { join } from 'node:path';
import { makeFolders } from '../config/make-folders.ts';
import { ApemuError } from '../errors.ts';
import { type Comparison, compare } from '../recorder/compare.ts';
import { NS_PER_MS } from '../units.ts';
import { describeComparison, describeFinding } from './golden-findings.ts';
import {
  closing,
  type GoldenOptions,
  kernelOf,
  partitionFor,
  profileNamed,
} from './golden-options.ts';
import { breathe, type CommandIo, EXIT_INTERRUPTED, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { writeRecording } from './recording-file.ts';
import { count } from './text.ts';

/** The exit code: 1 where something differs, or the kernel complained. */
export async function compareKernel(
  files: readonly string[],
  options: GoldenOptions,
  io: CommandIo,
): Promise<number> {
  if (files.length > 0)
    throw new ApemuError('APEMU_ERR_USAGE_GOLDEN', `--compare takes no file (${files.join(', ')})`);
  // Who looks for hours wants to know before that there is no room for what is found.
  if (options.out !== undefined) makeFolders(options.out);
  const config = partitionFor(options);
  const kernel = await kernelOf(options, config, io);
  const end = performance.now() + options.time / NS_PER_MS;
  const comparison = await closing(kernel, () =>
    compare({
      config,
      kernel,
      seed: options.seed,
      operations: options.operations,
      kinds: options.kind,
      profile: options.profile ?? profileNamed(options.kernel),
      search: options.search,
      signal: io.signal,
      breathe,
      over: () => performance.now() >= end,
      onSequence: (seed, { sequences }) => {
        if (io.isTerminal) io.err(`\r${count(sequences, 'sequence')}, seed ${seed}\u001b[K`);
      },
    }),
  );
  if (io.isTerminal) io.err('\n');
  show(comparison, options, io);
  const wrong = comparison.differences > 0 || comparison.findings.length > 0;
  if (io.signal.aborted) return EXIT_INTERRUPTED;
  return wrong ? EXIT_MISMATCH : EXIT_OK;
}

function show(comparison: Comparison, { out, json }: GoldenOptions, io: CommandIo): void {
  const { findings, tally, kinds, ...rest } = comparison;
  for (const [n, finding] of findings.entries()) {
    const file = out === undefined ? undefined : join(out, `finding-${n + 1}.jsonl`);
    if (file !== undefined) writeRecording(file, finding.recording);
    if (json !== true) io.out(describeFinding(finding, file));
  }
  if (json !== true) {
    io.out(describeComparison(comparison));
    return;
  }
  const { sequences, operations, observations } = tally;
  const counted = { sequences, operations, observations };
  io.out(`${JSON.stringify({ ...rest, kinds: [...kinds], ...counted, findings })}\n`);
}
