// SPDX-License-Identifier: Apache-2.0
// What does it cost to keep the state of a machine with 16 queues and a message on each, and to go back to it: in memory, and as a file?
import { parseConfig } from '../../src/config/load.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { takeCheckpoint } from '../../src/host/state/checkpoint.ts';
import { restoreMachine, saveMachine } from '../../src/host/state/snapshot.ts';
import { openProgramMachine } from '../../src/program/adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { RunnableProgram } from '../../src/program/run.ts';
import { type Finding, type Question, type QuestionContext, valueFinding } from '../findings.ts';

const QUEUES = 16;
const LENGTH: Readonly<Record<string, number>> = { '256': 256, '12K': 12288, file: 12288 };
/** A clock of the process ticks in microseconds: so many operations between two looks at it. */
const BATCH = 64;
const TIMES = 200;
const FILE_TIMES = 40;
const TIMES_SMOKE = 3;
const US_PER_MS = 1000;

const DOMAINS = Array.from({ length: QUEUES }, (_, n) => n).join(', ');
const CONFIG = `
apemu: 1
machine:
  adapters: { 5: { type: CEX8, mode: loopback } }
  usageDomains: [${DOMAINS}]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [${DOMAINS}] } }
`;

/** One message a queue. */
const programOf = (length: number): string =>
  [
    'apemu-program 1',
    ...Array.from(
      { length: QUEUES },
      (_, n) =>
        `Guest1.0: nqap 05.${n.toString(16).padStart(4, '0')} psmid=${n} addr=0x4000 len=${length} => cc=0 rc=00`,
    ),
    '',
  ].join('\n');

/** Microseconds of one operation, several times. */
const times = (count: number, operation: () => void): number[] =>
  Array.from({ length: count }, () => {
    const start = performance.now();
    for (let n = 0; n < BATCH; n++) operation();
    return ((performance.now() - start) * US_PER_MS) / BATCH;
  });

const inMemory = (machine: Machine, variant: string, count: number): Finding[] => {
  const options = { storage: false };
  const checkpoint = takeCheckpoint(machine, options);
  const whole = takeCheckpoint(machine);
  const findings = [
    valueFinding(
      `checkpoint-${variant}`,
      times(count, () => takeCheckpoint(machine, options)),
    ),
    valueFinding(
      `back-${variant}`,
      times(count, () => checkpoint.restore()),
    ),
  ];
  if (variant === '256')
    findings.push(
      valueFinding(
        'back-storage',
        times(count, () => whole.restore()),
      ),
    );
  return findings;
};

const asFile = async (machine: Machine, count: number): Promise<Finding[]> => {
  const saves: number[] = [];
  const restores: number[] = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    const bytes = saveMachine(machine);
    const between = performance.now();
    const restored = await restoreMachine(bytes);
    restores.push((performance.now() - between) * US_PER_MS);
    saves.push((between - start) * US_PER_MS);
    restored.close();
  }
  return [valueFinding('save', saves), valueFinding('restore', restores)];
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const adapter = await openProgramMachine(parseConfig(CONFIG, 'bench.yaml').config);
  const program = parseProgram(programOf(LENGTH[variant]), 'bench.ap');
  const { mismatches } = new RunnableProgram(program, adapter).run();
  if (mismatches.length > 0)
    throw new Error(`the program's line ${mismatches[0]?.line} mismatches`);
  const { machine } = adapter;
  const findings =
    variant === 'file'
      ? await asFile(machine, context.smoke ? TIMES_SMOKE : FILE_TIMES)
      : inMemory(machine, variant, context.smoke ? TIMES_SMOKE : TIMES);
  adapter.close();
  return findings;
};

export const saved: Question = { name: 'saved', variants: Object.keys(LENGTH), measure };
