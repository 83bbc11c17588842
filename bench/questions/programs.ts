// SPDX-License-Identifier: Apache-2.0
// How many instructions a second does an AP program run in stepped mode, with its expectations checked?
import { parseConfig } from '../../src/config/load.ts';
import { openProgramMachine } from '../../src/program/adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { RunnableProgram } from '../../src/program/run.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { measureRounds } from '../measure/rounds.ts';
import { median, quartiles } from '../measure/statistics.ts';

const CONFIG = `
apemu: 1
machine:
  adapters: { 5: { type: CEX8, mode: loopback } }
  usageDomains: [4]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } }
`;
/** Four instructions with an expectation each. */
const LINES = [
  'Guest1.0: tapq 05.0004 t=1 => cc=0 rc=00',
  'Guest1.0: nqap 05.0004 psmid=0x1122334455667788 addr=0x4000 len=64 => cc=0 rc=00',
  'Guest1.0: dqap 05.0004 addr=0x5000 len=0x3000 => cc=0 rc=00 psmid=0x1122334455667788',
  'Guest1.0: tapq 05.0047 => cc=3 rc=01',
];
const REPEATS = 500;

const measure = async (_variant: string, context: QuestionContext): Promise<Finding[]> => {
  const text = ['apemu-program 1', ...Array.from({ length: REPEATS }, () => LINES).flat(), ''];
  const program = parseProgram(text.join('\n'), 'bench.ap');
  const machine = await openProgramMachine(parseConfig(CONFIG, 'bench.yaml').config);
  const runnable = new RunnableProgram(program, machine);
  const first = runnable.run();
  if (first.mismatches.length > 0)
    throw new Error(`the program's line ${first.mismatches[0]?.line} mismatches`);
  const operations = first.instructions;
  const times = measureRounds(
    [{ name: 'program', operations, run: () => runnable.run() }],
    context.pace,
  );
  machine.close();
  const rates = (times.get('program') as readonly number[]).map((ns) => 1000 / ns);
  const [low, high] = quartiles(rates);
  return [{ row: 'programs', value: median(rates), spread: [low, high] }];
};

export const programs: Question = { name: 'programs', variants: ['checked'], measure };
