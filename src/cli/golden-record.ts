// SPDX-License-Identifier: Apache-2.0
// `apemu golden --record`: performs operations on a kernel and writes what came out as a recording.
// Source: docs/oracle.md.
import { ApemuError } from '../errors.ts';
import { generateSteps } from '../recorder/generate.ts';
import { record } from '../recorder/record.ts';
import { operationOf } from '../sysfs/recorded-line.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import { recordedLines } from '../sysfs/recording.ts';
import { describeFinding, describeRun } from './golden-findings.ts';
import {
  closing,
  type GoldenOptions,
  kernelOf,
  partitionFor,
  profileNamed,
} from './golden-options.ts';
import { type CommandIo, EXIT_INTERRUPTED, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { outputOption } from './output-file.ts';
import { readRecording, writeRecording } from './recording-file.ts';

/** The exit code: 1 where the kernel complained. */
export async function recordKernel(
  files: readonly string[],
  options: GoldenOptions,
  io: CommandIo,
): Promise<number> {
  const [out] = files;
  if (out === undefined || files.length > 1)
    throw new ApemuError('APEMU_ERR_USAGE_GOLDEN', '--record needs one file to write');
  outputOption(out);
  const config = partitionFor(options);
  const generated = (): RecordedOperation[] =>
    generateSteps({ ...options, kinds: options.kind }, config).map(({ operation }) => operation);
  const operations = options.from === undefined ? generated() : operationsIn(options.from);
  const kernel = await kernelOf(options, config, io);
  const { run, recording, finding } = await closing(kernel, () =>
    record({
      kernel,
      operations,
      seed: options.from === undefined ? options.seed : undefined,
      profile: options.profile ?? profileNamed(options.kernel),
      signal: io.signal,
      onRun: (done) => {
        if (options.json !== true) io.out(describeRun(done, operations));
      },
    }),
  );
  if (io.signal.aborted) return EXIT_INTERRUPTED;
  writeRecording(out, recording);
  if (finding !== undefined) writeRecording(shortestName(out), finding.recording);
  if (options.json === true)
    io.out(`${JSON.stringify({ file: out, release: run.release, finding })}\n`);
  else if (finding !== undefined) io.out(describeFinding(finding, shortestName(out)));
  return run.complaint === undefined ? EXIT_OK : EXIT_MISMATCH;
}

/** Beside the recording: `a.jsonl.gz` has `a-shortest.jsonl.gz`. */
const shortestName = (out: string): string => out.replace(/(\.[^/]*)?$/, '-shortest$1');

const operationsIn = (file: string): RecordedOperation[] =>
  [...recordedLines(readRecording(file), file)].flatMap(({ line }) => {
    const operation = operationOf(line);
    return operation === undefined ? [] : [operation];
  });
