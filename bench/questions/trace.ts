// SPDX-License-Identifier: Apache-2.0
// What does a trace record of each instruction cost, on a realistic stream, and on the cheapest instruction there is?
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { pairedFinding } from '../findings.ts';
import { loadDriver } from '../machine/driver-binding.ts';
import type { BenchMachine } from '../machine/machine.ts';
import { instructionTable, ROW_WORDS, tapq } from '../machine/tables.ts';
import { measureRounds } from '../measure/rounds.ts';
import { buildMixedMachine, mixedRows } from './mixed.ts';

const LENGTH = 64;
const ROWS = 4096;

const TABLES: Readonly<Record<string, (machine: BenchMachine) => Int32Array>> = {
  mixed: (machine) => instructionTable(mixedRows(machine, LENGTH, ROWS)),
  tapq: ({ vcpus }) =>
    instructionTable(
      Array.from({ length: ROWS }, (_, n) => {
        const queue = n % vcpus.length;
        return tapq(vcpus[queue], queue);
      }),
    ),
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const machine = await buildMixedMachine(true);
  const table = TABLES[variant](machine);
  const rows = table.length / ROW_WORDS;
  const traced = await loadDriver({ ...machine, table });
  const off = await loadDriver({ ...machine, table });
  if (traced.driveTraced(rows) !== off.drive(rows)) throw new Error('tracing changes what happens');
  const times = measureRounds(
    [
      { name: 'traced', operations: rows, run: () => traced.driveTraced(rows) },
      { name: 'off', operations: rows, run: () => off.drive(rows) },
    ],
    context.pace,
  );
  return [pairedFinding(`trace-${variant}`, times, 'traced', 'off')];
};

export const trace: Question = { name: 'trace', variants: Object.keys(TABLES), measure };
