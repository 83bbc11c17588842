// SPDX-License-Identifier: Apache-2.0
// Runs questions in fresh processes, several each, and merges what they find.
// Source: docs/reference/performance.md section 8 item 3.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ChildTask } from './child.ts';
import type { Finding, Question } from './findings.ts';
import { FULL_PACE, SMOKE_PACE } from './measure/rounds.ts';
import { QUESTIONS } from './questions.ts';
import { buildReference } from './reference/build.ts';
import type { BuiltReference } from './reference/reference.ts';
import { type MachineDescription, type Report, reportRows } from './report.ts';
import { ROWS } from './rows.ts';

export interface BenchOptions {
  /** Fresh processes for each variant. */
  readonly processes: number;
  readonly rounds?: number;
  /** Questions to ask; undefined: all. */
  readonly only?: readonly string[];
  /** Quick and meaningless: that everything runs. */
  readonly smoke: boolean;
  /** C compiler; empty: the frozen JavaScript kernel is the reference. */
  readonly compiler?: string;
  /** Called before each variant. */
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const MAX_OUTPUT_BYTES = 16 * 2 ** 20;
const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
const run = promisify(execFile);

/** Names of all questions. */
export const questionNames = (): string[] => QUESTIONS.map(({ name }) => name);

const describeMachine = (): MachineDescription => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  node: process.version,
  v8: process.versions.v8,
  platform: `${process.platform}-${process.arch}`,
});

const ask = async (task: ChildTask, signal: AbortSignal | undefined): Promise<Finding[]> => {
  const { stdout } = await run(process.execPath, ['--expose-gc', CHILD, JSON.stringify(task)], {
    maxBuffer: MAX_OUTPUT_BYTES,
    ...(signal === undefined ? {} : { signal }),
  });
  return JSON.parse(stdout) as Finding[];
};

const askAll = async (
  questions: readonly Question[],
  reference: BuiltReference,
  options: BenchOptions,
): Promise<Finding[]> => {
  const base = options.smoke ? SMOKE_PACE : FULL_PACE;
  const pace = { ...base, rounds: options.rounds ?? base.rounds };
  const findings: Finding[] = [];
  for (const question of questions) {
    for (const variant of question.variants) {
      options.onProgress?.(`${question.name} ${variant}`);
      for (let n = 0; n < options.processes; n++) {
        const task = { question: question.name, variant, reference, pace, smoke: options.smoke };
        findings.push(...(await ask(task, options.signal)));
      }
    }
  }
  return findings;
};

/** All questions together have an answer for every row, and for no other. */
const checkComplete = (findings: readonly Finding[]): void => {
  const answered = new Set(findings.map(({ row }) => row));
  const open = ROWS.filter(({ id }) => !answered.delete(id)).map(({ id }) => id);
  if (open.length + answered.size > 0)
    throw new Error(
      `rows without an answer: ${open.join(', ')}; unknown: ${[...answered].join(', ')}`,
    );
};

/** Runs the benchmarks. Throws when a question fails, or kernel and reference disagree. */
export const runBenchmarks = async (options: BenchOptions): Promise<Report> => {
  const { only } = options;
  const questions = QUESTIONS.filter(({ name }) => only === undefined || only.includes(name));
  const folder = mkdtempSync(join(tmpdir(), 'apemu-bench-'));
  try {
    const reference = buildReference(folder, options.compiler);
    const findings = await askAll(questions, reference, options);
    if (only === undefined) checkComplete(findings);
    return {
      format: 'apemu-bench 1',
      machine: describeMachine(),
      reference: reference.kind,
      referenceDescription: reference.description,
      processes: options.processes,
      rounds: options.rounds ?? (options.smoke ? SMOKE_PACE : FULL_PACE).rounds,
      smoke: options.smoke,
      rows: reportRows(findings, !options.smoke),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
