// SPDX-License-Identifier: Apache-2.0
// Every program in examples/ on the real machine, with the host side it has under `apemu exec`.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfigFile } from '../../src/config/load.ts';
import { openProgramMachine } from '../../src/program/adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { formatMismatch } from '../../src/program/report.ts';
import { type ProgramRecord, RunnableProgram } from '../../src/program/run.ts';

const EXAMPLES = new URL('../../examples/', import.meta.url).pathname;
const names = readdirSync(EXAMPLES).filter((name) => name.endsWith('.ap'));

async function run(name: string) {
  const program = parseProgram(readFileSync(EXAMPLES + name, 'utf8'), name);
  const { config, warnings } = loadConfigFile(`${EXAMPLES}${program.config}`);
  expect(warnings).toEqual([]);
  const machine = await openProgramMachine(config);
  const records: ProgramRecord[] = [];
  try {
    const result = new RunnableProgram(program, machine).run({
      onRecord: (record) => records.push(record),
    });
    return { ...result, records };
  } finally {
    machine.close();
  }
}

describe('on the real machine', () => {
  it.each(names)('every line of %s gives what it expects', async (name) => {
    const { mismatches, instructions } = await run(name);
    expect(mismatches.map((mismatch) => formatMismatch(mismatch, 'apemu exec'))).toEqual([]);
    expect(instructions).toBeGreaterThan(5);
  });

  it('the same program, run again, gives the same records byte for byte', async () => {
    const first = await run('section6.ap');
    const second = await run('section6.ap');
    expect(JSON.stringify(second.records)).toBe(JSON.stringify(first.records));
  });
});
