// SPDX-License-Identifier: Apache-2.0
// What does saving a machine with 16 queues cost, and restoring it, with messages on every queue?
import { parseConfig } from '../../src/config/load.ts';
import { restoreMachine, saveMachine } from '../../src/host/snapshot.ts';
import { openProgramMachine } from '../../src/program/adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { RunnableProgram } from '../../src/program/run.ts';
import { type Finding, type Question, type QuestionContext, valueFinding } from '../findings.ts';

const QUEUES = 16;
const SIZES: Readonly<Record<string, number>> = { '256': 256, '12K': 12288 };
const TIMES = 40;
const TIMES_SMOKE = 3;
const US_PER_MS = 1000;

const CONFIG = `
apemu: 1
machine:
  adapters: { 5: { type: CEX8, mode: loopback } }
  usageDomains: [${Array.from({ length: QUEUES }, (_, n) => n).join(', ')}]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [${Array.from({ length: QUEUES }, (_, n) => n).join(', ')}] } }
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

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const adapter = await openProgramMachine(parseConfig(CONFIG, 'bench.yaml').config);
  const program = parseProgram(programOf(SIZES[variant] as number), 'bench.ap');
  const { mismatches } = new RunnableProgram(program, adapter).run();
  if (mismatches.length > 0)
    throw new Error(`the program's line ${mismatches[0]?.line} mismatches`);
  const saves: number[] = [];
  const restores: number[] = [];
  for (let n = 0; n < (context.smoke ? TIMES_SMOKE : TIMES); n++) {
    const start = performance.now();
    const bytes = saveMachine(adapter.machine);
    const between = performance.now();
    const restored = await restoreMachine(bytes);
    restores.push((performance.now() - between) * US_PER_MS);
    saves.push((between - start) * US_PER_MS);
    restored.close();
  }
  adapter.close();
  return [valueFinding(`save-${variant}`, saves), valueFinding(`restore-${variant}`, restores)];
};

export const saved: Question = { name: 'saved', variants: Object.keys(SIZES), measure };
