// SPDX-License-Identifier: Apache-2.0
// An instruction table through the kernel and through the reference, in rounds: what most questions do.
import { type Finding, pairedFinding, type QuestionContext } from '../findings.ts';
import { loadDriver } from '../machine/driver-binding.ts';
import { attachReference, type BenchMachine } from '../machine/machine.ts';
import { ROW_WORDS } from '../machine/tables.ts';
import { measureRounds } from '../measure/rounds.ts';
import { EXECUTE_UNSUPPORTED } from '../reference/reference.ts';

/** Throws unless both end each instruction alike: the sum of endings is the same, and no instruction was unknown to the reference. */
export const agree = (kernel: number, reference: number, rows: number): void => {
  if (kernel !== reference || reference >= rows * EXECUTE_UNSUPPORTED)
    throw new Error(`kernel and reference disagree: endings ${kernel} and ${reference}`);
};

/** The finding of a table that leaves the machine as it found it. */
export const measureDriven = async (
  row: string,
  machine: BenchMachine,
  table: Int32Array,
  context: QuestionContext,
): Promise<Finding> => {
  const rows = table.length / ROW_WORDS;
  const driver = await loadDriver({ ...machine, table });
  const reference = await attachReference(context.reference, machine.image);
  agree(driver.drive(rows), reference.drive(table, rows), rows);
  const times = measureRounds(
    [
      { name: 'kernel', operations: rows, run: () => driver.drive(rows) },
      { name: 'reference', operations: rows, run: () => reference.drive(table, rows) },
    ],
    context.pace,
  );
  return pairedFinding(row, times, 'kernel', 'reference');
};

/** The finding of one instruction word on these vCPUs in turn, with the registers they have; it must leave those it depends on. */
export const measureExecuted = async (
  row: string,
  machine: BenchMachine,
  vcpus: readonly number[],
  word: number,
  context: QuestionContext,
): Promise<Finding> => {
  const table = Int32Array.from(vcpus);
  const count = table.length;
  const driver = await loadDriver({ ...machine, table });
  const reference = await attachReference(context.reference, machine.image);
  agree(driver.executeAll(count, word), reference.executeAll(table, count, word), count);
  const times = measureRounds(
    [
      { name: 'kernel', operations: count, run: () => driver.executeAll(count, word) },
      {
        name: 'reference',
        operations: count,
        run: () => reference.executeAll(table, count, word),
      },
    ],
    context.pace,
  );
  return pairedFinding(row, times, 'kernel', 'reference');
};
