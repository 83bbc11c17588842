// SPDX-License-Identifier: Apache-2.0
// Loads in virtual time. Guests whose programs are modules are stepped in a thread of their own, because a step that never ends would
// keep this thread from seeing Ctrl-C. Built-in programs always end their steps and are stepped here.
// Source: docs/design.md section 4.

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { isModule } from '../host/machine/guest-program.ts';
import type { LoadFigures } from '../load/figures.ts';
import type { RunResult } from '../load/result.ts';
import { measureStepped, runStepped, type SteppedOptions } from '../load/stepped.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import { formatError } from './errors.ts';
import { type CommandIo, pause } from './io.ts';
import {
  STEPPED_WORDS,
  type SteppedAnswer,
  type SteppedTask,
  type ToldError,
  W_GUEST,
  W_STEPS,
  W_STOP,
} from './stepped-task.ts';

/** Time between two looks at what the thread does. */
const GLANCE_MS = 100;
/** Number of looks before which any step has ended. It is not a time, because a computer that was asleep has not looked. */
const LOOKS_MAX = 20;
/** Time a run has to end in order when it was told to. */
const ORDERLY_MS = 600;

/** Runs a load until it has ended, its duration has passed, or the user stops it. */
export async function runSteppedLoad(
  config: MachineConfig,
  options: Omit<SteppedOptions, 'pause' | 'around'>,
  io: CommandIo,
): Promise<RunResult> {
  if (!hasModules(config)) return runStepped(config, { ...options, pause: () => pause(io) });
  const { durationNs, intervalNs, seed } = options;
  const watched = options.onTrace !== undefined || options.onEvent !== undefined;
  const work = { kind: 'run', durationNs, intervalNs, watched } as const;
  const answer = await inThread({ config, seed, work }, io, options);
  if (answer.kind === 'run') return answer.result;
  throw new TypeError(`a run was answered with ${answer.kind}`);
}

/** Measures a window of a load; undefined when the user has stopped it. */
export async function measureSteppedLoad(
  config: MachineConfig,
  windowNs: number,
  seed: number | undefined,
  io: CommandIo,
): Promise<LoadFigures | undefined> {
  if (!hasModules(config))
    return measureStepped(config, windowNs, { seed, pause: () => pause(io) });
  const answer = await inThread({ config, seed, work: { kind: 'measure', windowNs } }, io);
  if (answer.kind === 'measure') return answer.result;
  throw new TypeError(`a measurement was answered with ${answer.kind}`);
}

const hasModules = (config: MachineConfig): boolean =>
  config.guests.some(({ program }) => program !== undefined && isModule(program));

type Task = Omit<SteppedTask, 'words'>;

/**
 * Runs a load in its own thread.
 *
 * @throws ApemuError `APEMU_ERR_GUEST_ENDLESS` for a program whose step does not end, and what the run throws
 */
async function inThread(
  task: Task,
  io: CommandIo,
  watcher: MachineWatch = {},
): Promise<SteppedAnswer> {
  const words = new Int32Array(new SharedArrayBuffer(4 * STEPPED_WORDS));
  const worker = new Worker(createRequire(import.meta.url).resolve('#stepped-worker'), {
    workerData: { ...task, words } satisfies SteppedTask,
  });
  const watch = new Watch(words, task.config);
  let patience: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const interrupted = (): void => {
        Atomics.store(words, W_STOP, 1);
        patience = setTimeout(() => {
          const error = watch.stuck('it was told to stop');
          if (watch.inStep) io.err(formatError(error));
          reject(error);
        }, ORDERLY_MS);
      };
      if (io.signal.aborted) interrupted();
      else io.signal.addEventListener('abort', interrupted, { once: true });
      watch.begin((error) => reject(error));
      worker.on('message', (answer: SteppedAnswer) => {
        if (answer.kind === 'trace') watcher.onTrace?.(...answer.taken);
        else if (answer.kind === 'event') watcher.onEvent?.(answer.event);
        else if (answer.kind === 'failed') reject(errorOf(answer.error));
        else resolve(answer);
      });
      worker.on('error', reject);
      // `process.exit` in a module ends its thread.
      worker.on('exit', (code) => reject(watch.ended(code)));
    });
  } finally {
    clearTimeout(patience);
    watch.end();
    await worker.terminate();
  }
}

const errorOf = ({ message, code }: ToldError): Error =>
  code === undefined ? new Error(message) : new ApemuError(code, message);

/** Looks whether a program is in the same step for too long. */
class Watch {
  readonly #words: Int32Array;
  readonly #config: MachineConfig;
  #timer: NodeJS.Timeout | undefined;
  #step = 0;
  #looks = 0;

  constructor(words: Int32Array, config: MachineConfig) {
    this.#words = words;
    this.#config = config;
  }

  /** `found` is called with the error for a step that does not end. */
  begin(found: (error: Error) => void): void {
    this.#timer = setInterval(() => {
      const step = Atomics.load(this.#words, W_STEPS);
      this.#looks = step % 2 === 1 && step === this.#step ? this.#looks + 1 : 0;
      this.#step = step;
      if (this.#looks === LOOKS_MAX) found(this.stuck('it began'));
    }, GLANCE_MS);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  get inStep(): boolean {
    return Atomics.load(this.#words, W_STEPS) % 2 === 1;
  }

  /** A step that was not over some time after something. */
  stuck(since: string): Error {
    const ms = since === 'it began' ? LOOKS_MAX * GLANCE_MS : ORDERLY_MS;
    return new ApemuError(
      'APEMU_ERR_GUEST_ENDLESS',
      `guest ${this.#guest()}: a step of its program was not over ${ms / 1000} s after ${since} (expected a step that executes some instructions and returns)`,
    );
  }

  /** The thread is gone without an answer. */
  ended(code: number): Error {
    return new ApemuError(
      'APEMU_ERR_GUEST_FAILED',
      `guest ${this.#guest()}: its program ended the thread with code ${code} (expected WAIT_DONE from its step)`,
    );
  }

  #guest(): string {
    return this.#config.guests[Atomics.load(this.#words, W_GUEST)]?.name ?? '';
  }
}
