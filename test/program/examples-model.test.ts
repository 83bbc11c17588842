// SPDX-License-Identifier: Apache-2.0
// The examples that need no host side, run on the reference model: what they teach is what the reference says.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfigFile } from '../../src/config/load.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { formatMismatch } from '../../src/program/report.ts';
import { RunnableProgram } from '../../src/program/run.ts';
import { modelFactory } from '../model/under-test.ts';
import { programMachineUnderTest } from './under-test-machine.ts';

const EXAMPLES = new URL('../../examples/', import.meta.url).pathname;

describe('on the reference model', () => {
  it.each([
    'queue-full',
    'partial-replies',
    'resets',
    'program-exceptions',
    'isolation',
    'adapter-states',
    'faults',
    'secure-execution',
  ])('every line of %s.ap gives what it expects', (name) => {
    const file = `${EXAMPLES}${name}.ap`;
    const program = parseProgram(readFileSync(file, 'utf8'), `${name}.ap`);
    const { config, warnings } = loadConfigFile(`${EXAMPLES}${program.config}`);
    expect(warnings).toEqual([]);
    const runnable = new RunnableProgram(program, programMachineUnderTest(modelFactory(), config));
    const { mismatches, instructions } = runnable.run();
    expect(mismatches.map((mismatch) => formatMismatch(mismatch, ''))).toEqual([]);
    expect(instructions).toBeGreaterThan(5);
  });
});
