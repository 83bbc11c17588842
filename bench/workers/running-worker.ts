// SPDX-License-Identifier: Apache-2.0
// A thread that runs vCPUs of one guest in turn, in SIE, and looks whether any result belongs to masks that are no longer there.
import { workerData } from 'node:worker_threads';
import { STATUS_RC_MASK } from '../../native-like/arch/status-word.ts';
import type { SharedMemory } from '../../native-like/machine/globals.ts';
import { MachineImage } from '../../native-like/machine/image.ts';
import { C_GENERATION, V_GR, V_PSW_ADDRESS_LOW } from '../../native-like/machine/layout.ts';
import { EXECUTE_EVENT } from '../../native-like/machine/outcome.ts';
import { loadKernel } from '../../src/lpar/kernel.ts';
import { enterSie, leaveSie, serveEvent } from '../../src/vcpu-pool/sie.ts';
import { R_BATCHES, R_STALE, R_STOP, R_STRIDE, R_WORKERS } from './shared-words.ts';

export interface RunningTask {
  readonly memory: SharedMemory;
  readonly words: Int32Array;
  readonly worker: number;
  readonly vcpus: readonly number[];
  readonly batch: number;
}

const task = workerData as RunningTask;
const image = new MachineImage(task.memory);
const { i32 } = image;
const kernel = await loadKernel(image, { thread: task.worker + 1 });
const own = R_WORKERS + task.worker * R_STRIDE;
const thread = image.thread(task.worker + 1);

/** A batch on one vCPU. The generation is even while the masks allow the queue. */
const turn = (vcpu: number): void => {
  enterSie(i32, vcpu, thread);
  let expected = i32[C_GENERATION] & 1;
  i32[vcpu + V_PSW_ADDRESS_LOW] = 0;
  let ended = kernel.run(vcpu, task.batch);
  while (ended === EXECUTE_EVENT) {
    serveEvent(i32, vcpu, thread);
    expected = i32[C_GENERATION] & 1;
    i32[vcpu + V_PSW_ADDRESS_LOW] = 0;
    ended = kernel.run(vcpu, task.batch);
  }
  const refused = (i32[vcpu + V_GR + 3] & STATUS_RC_MASK) !== 0 ? 1 : 0;
  if (refused !== expected) task.words[own + R_STALE] = task.words[own + R_STALE] + 1;
  leaveSie(i32, vcpu, thread);
};

while (Atomics.load(task.words, R_STOP) === 0) {
  for (const vcpu of task.vcpus) turn(vcpu);
  Atomics.add(task.words, own + R_BATCHES, task.vcpus.length);
}
