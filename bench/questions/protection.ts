// SPDX-License-Identifier: Apache-2.0
// What does it cost that masks can change while vCPUs run: the poll before each instruction, entering and leaving SIE?
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { V_PSW_ADDRESS_LOW } from '../../native-like/machine/layout.ts';
import { type Kernel, kernelFile, loadKernel } from '../../src/lpar/kernel.ts';
import { enterSie, leaveSie } from '../../src/vcpu-pool/sie.ts';
import { type Finding, pairedFinding, type Question, type QuestionContext } from '../findings.ts';
import { type BenchMachine, buildMachine } from '../machine/machine.ts';
import { measureRounds, type Variant } from '../measure/rounds.ts';
import { BATCH, loadTapqLoop } from './tapq.ts';

const TURNS = 32;
/** The run loop's poll, in the built kernel: the event word, and the end of a stretch without a look at it. */
const POLL = /while \(address < end && [^{]*\{\s*let until = [^;]*;/g;

/** A copy of the built kernel whose run loop does not look at the event word. */
const kernelWithoutPoll = (folder: string): string => {
  const text = readFileSync(kernelFile(), 'utf8');
  const found = text.match(POLL)?.length ?? 0;
  if (found !== 1) throw new Error(`the kernel polls the event word at ${found} places`);
  const file = join(folder, 'kernel-without-poll.mjs');
  writeFileSync(file, text.replace(POLL, 'while (address < end) {\nlet until = end;'));
  return file;
};

const runTurns = (machine: BenchMachine, kernel: Kernel, batch: number): Variant['run'] => {
  const vcpu = machine.vcpus[0];
  const { i32 } = machine.image;
  return () => {
    for (let n = 0; n < TURNS; n++) {
      i32[vcpu + V_PSW_ADDRESS_LOW] = 0;
      kernel.run(vcpu, batch);
    }
  };
};

const runProtectedTurns = (machine: BenchMachine, batch: number): Variant['run'] => {
  const vcpu = machine.vcpus[0];
  const { i32 } = machine.image;
  const { kernel } = machine;
  const thread = machine.image.thread(1);
  return () => {
    for (let n = 0; n < TURNS; n++) {
      enterSie(i32, vcpu, thread);
      i32[vcpu + V_PSW_ADDRESS_LOW] = 0;
      kernel.run(vcpu, batch);
      leaveSie(i32, vcpu, thread);
    }
  };
};

const measure = async (_variant: string, context: QuestionContext): Promise<Finding[]> => {
  const machine = await buildMachine({ storageBytes: 0x1000 });
  loadTapqLoop(machine, BATCH);
  const file = kernelWithoutPoll(dirname(context.reference.file));
  const bare = await loadKernel(machine.image, { file });
  const operations = TURNS * BATCH;
  const times = measureRounds(
    [
      { name: 'protected', operations, run: runProtectedTurns(machine, BATCH) },
      { name: 'none', operations, run: runTurns(machine, bare, BATCH) },
    ],
    context.pace,
  );
  return [pairedFinding('protection', times, 'protected', 'none')];
};

export const protection: Question = { name: 'protection', variants: ['tapq'], measure };
