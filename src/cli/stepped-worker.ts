// SPDX-License-Identifier: Apache-2.0
// A thread that runs a load in virtual time for guests whose programs are modules. It tells when it is in one of them.
import { parentPort, workerData } from 'node:worker_threads';
import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import type { GuestProgram } from '../guest/cpu.ts';
import { measureStepped, runStepped } from '../load/stepped.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import { breathe } from './io.ts';
import {
  type SteppedAnswer,
  type SteppedTask,
  type ToldError,
  W_GUEST,
  W_STEPS,
  W_STOP,
} from './stepped-task.ts';

const { config, seed, words, work } = workerData as SteppedTask;

const tell = (answer: SteppedAnswer): void => parentPort?.postMessage(answer);

const pause = async (): Promise<boolean> => {
  await breathe();
  return Atomics.load(words, W_STOP) !== 0;
};

const WATCH: MachineWatch = {
  onTrace: (...taken) => tell({ kind: 'trace', taken }),
  onEvent: (event) => tell({ kind: 'event', event }),
};

/**
 * Wraps a program so that it can be watched from another thread: words show whether it is in a step, and for how many looks it has been.
 */
const watched = (program: GuestProgram, guest: string): GuestProgram => {
  const number = config.guests.findIndex(({ name }) => name === guest);
  const at = <T>(inside: () => T): T => {
    Atomics.store(words, W_GUEST, number);
    Atomics.add(words, W_STEPS, 1);
    try {
      return inside();
    } finally {
      Atomics.add(words, W_STEPS, 1);
    }
  };
  return Object.assign(Object.create(program) as GuestProgram, {
    init: (args: Parameters<GuestProgram['init']>[0]) => at(() => program.init(args)),
    step: (...args: Parameters<GuestProgram['step']>) => at(() => program.step(...args)),
  });
};

const toldError = (error: unknown): ToldError => ({
  message: error instanceof Error ? error.message : String(error),
  code: error instanceof ApemuError ? error.code : undefined,
});

async function answer(of: MachineConfig): Promise<SteppedAnswer> {
  const common = { ...(seed === undefined ? {} : { seed }), pause, around: watched };
  if (work.kind === 'measure')
    return { kind: 'measure', result: await measureStepped(of, work.windowNs, common) };
  const { durationNs, intervalNs } = work;
  const result = await runStepped(of, {
    ...common,
    intervalNs,
    ...(durationNs === undefined ? {} : { durationNs }),
    ...(work.watched ? WATCH : {}),
  });
  return { kind: 'run', result };
}

tell(await answer(config).catch((error) => ({ kind: 'failed', error: toldError(error) })));
