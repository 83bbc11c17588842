// SPDX-License-Identifier: Apache-2.0
// Runs tests side by side: AP programs and scenarios on worker threads, so that one that never ends can be ended; guest runs here, since
// their work is QEMU's.

import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { loadGuestRun } from '../../config/guest-run.ts';
import { wallTimer } from '../../vcpu-pool/wall-timer.ts';
import type { RunCommand } from '../add-command.ts';
import { formatError } from '../errors.ts';
import { EXIT_INTERRUPTED, EXIT_MISMATCH, EXIT_OK } from '../io.ts';
import { type Captured, captured } from './captured.ts';
import { isGuestRun } from './find.ts';
import type { Outcome, TestResult } from './result.ts';

export interface RunOptions {
  /** Number of tests that run at the same time. */
  readonly jobs: number;
  /** Real time an AP program or a scenario may take, milliseconds. */
  readonly timeoutMs: number;
  /** Why guest runs are left out; undefined: they are not. */
  readonly withoutGuests: string | undefined;
  /** Configuration for AP programs, instead of the one they name. */
  readonly config: string | undefined;
  /** Ends after the first test that does not pass. */
  readonly bail: boolean;
  readonly signal: AbortSignal;
  /** Takes results in the order of the files. */
  readonly onResult: (result: TestResult) => void;
  /** Runs one of apemu's command lines. */
  readonly run: RunCommand;
}

/** Exit codes of a test that ran and found something. Source: src/qemu/planned-run.ts (42: nothing decided in time). */
const FAILURES = [EXIT_MISMATCH, 42];

const outcomeOf = (code: number, guest: boolean): Outcome => {
  if (code === EXIT_OK) return 'passed';
  // A guest run ends with the exit code of its command, whatever that is.
  return guest || FAILURES.includes(code) ? 'failed' : 'error';
};

class TestRun {
  readonly #options: RunOptions;
  readonly #stop = new AbortController();
  readonly #pool: Piscina;
  readonly signal: AbortSignal;

  constructor(options: RunOptions) {
    this.#options = options;
    this.signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#pool = new Piscina({
      filename: createRequire(import.meta.url).resolve('#test-worker'),
      minThreads: 0,
      maxThreads: options.jobs,
      idleTimeout: Number.POSITIVE_INFINITY,
    });
  }

  /** Runs a test; undefined: it was interrupted. */
  async run(name: string): Promise<TestResult | undefined> {
    const began = performance.now();
    const guest = isGuestRun(name);
    const ended = (outcome: Outcome, why: string): TestResult => {
      if (outcome !== 'passed' && this.#options.bail) this.#stop.abort();
      return { name, seconds: (performance.now() - began) / 1000, outcome, why };
    };
    const { withoutGuests } = this.#options;
    if (guest && withoutGuests !== undefined) return ended('skipped', withoutGuests);
    try {
      const { code, text } = await (guest ? this.#guestRun(name) : this.#program(name));
      if (code === EXIT_INTERRUPTED && this.signal.aborted) return undefined;
      const why = code === EXIT_OK ? '' : text.trim() || `exit code ${code}`;
      return ended(outcomeOf(code, guest), why);
    } catch (error) {
      return this.signal.aborted ? undefined : ended('error', formatError(error));
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #guestRun(file: string): Promise<Captured> {
    return captured(this.#options.run, loadGuestRun(file), this.signal);
  }

  async #program(file: string): Promise<Captured> {
    const { config, timeoutMs } = this.#options;
    const args = ['exec', '--quiet', ...(config === undefined ? [] : ['--config', config]), file];
    const late = new AbortController();
    const unset = wallTimer(timeoutMs, () => late.abort());
    try {
      const signal = AbortSignal.any([late.signal, this.signal]);
      return (await this.#pool.run(args, { signal })) as Captured;
    } catch (error) {
      if (!late.signal.aborted || this.signal.aborted) throw error;
      return { code: EXIT_MISMATCH, text: `${file}: not ended within ${timeoutMs / 1000} s` };
    } finally {
      unset();
    }
  }
}

/** Runs all `files`. @returns their results in the order of the files, without those that were interrupted */
export async function runTests(
  files: readonly string[],
  options: RunOptions,
): Promise<TestResult[]> {
  const run = new TestRun(options);
  const results = new Map<number, TestResult | undefined>();
  let begun = 0;
  let told = 0;
  const work = async (): Promise<void> => {
    while (begun < files.length && !run.signal.aborted) {
      const index = begun++;
      results.set(index, await run.run(files[index]));
      for (; results.has(told); told++) {
        const result = results.get(told);
        if (result !== undefined) options.onResult(result);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: options.jobs }, work));
  } finally {
    await run.close();
  }
  return [...results].sort(([a], [b]) => a - b).flatMap(([, result]) => result ?? []);
}
