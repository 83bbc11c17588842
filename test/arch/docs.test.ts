// SPDX-License-Identifier: Apache-2.0
// The generated pages are those the tables give now, and leave no row and no constant out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as adapterTypes from '../../native-like/arch/adapter-types.ts';
import * as facilities from '../../native-like/arch/facilities.ts';
import * as functionCodes from '../../native-like/arch/function-codes.ts';
import * as instructions from '../../native-like/arch/instructions.ts';
import * as programInterruptions from '../../native-like/arch/program-interruptions.ts';
import * as qci from '../../native-like/arch/qci.ts';
import * as registers from '../../native-like/arch/registers.ts';
import * as responseCodes from '../../native-like/arch/response-codes.ts';
import * as statusWord from '../../native-like/arch/status-word.ts';
import * as crycb from '../../native-like/blocks/crycb.ts';
import * as gisa from '../../native-like/blocks/gisa.ts';
import * as qciBlock from '../../native-like/blocks/qci.ts';
import * as stateDescription from '../../native-like/blocks/state-description.ts';
import * as layout from '../../native-like/machine/layout.ts';
import { constantsOf, imageLayout, supportMatrix } from './pages.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const tables = {
  adapterTypes,
  facilities,
  functionCodes,
  instructions,
  programInterruptions,
  qci,
  registers,
  responseCodes,
  statusWord,
  blocks: { ...qciBlock, ...crycb, ...stateDescription, ...gisa },
};
const source = read('native-like/machine/layout.ts');

describe('docs/support-matrix.md', () => {
  const page = supportMatrix(tables);
  it('is what the tables give (npm run docs writes it)', () => {
    expect(read('docs/support-matrix.md')).toBe(page);
  });

  it('has a line for every row of every table', () => {
    const names = [
      ...instructions.INSTRUCTIONS.map((row) => row.mnemonic),
      ...functionCodes.FUNCTION_CODES.map((row) => `| ${row.code} | ${row.name} |`),
      ...responseCodes.RESPONSE_CODES.map((row) => row.name),
      ...programInterruptions.PROGRAM_INTERRUPTIONS.map((row) => row.name),
      ...facilities.FACILITIES.map((row) => `| ${row.stfle} | ${row.name} |`),
      ...adapterTypes.ADAPTER_TYPES.map((row) => `| ${row.number} | ${row.name} |`),
      ...adapterTypes.MACHINE_PROFILES.map((row) => `| ${row.name} | CEX`),
      ...registers.TAPQ_GR2_FIELDS.map((row) => row.meaning),
    ];
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
  });

  it('has no value that was forgotten', () => {
    expect(page).not.toMatch(/undefined|NaN|\[object/);
  });
});

describe('docs/image-layout.md', () => {
  const page = imageLayout(source, layout);
  it('is what native-like/machine/layout.ts gives (npm run docs writes it)', () => {
    expect(read('docs/image-layout.md')).toBe(page);
  });

  it('has every number of the layout', () => {
    const numbers = Object.entries(layout).filter(([, value]) => typeof value === 'number');
    const found = constantsOf(source, layout);
    expect(found.map((row) => row.name).sort()).toEqual(numbers.map(([name]) => name).sort());
    expect(numbers.filter(([name]) => !page.includes(`\`${name}\``))).toEqual([]);
    expect(page).not.toMatch(/undefined|NaN/);
  });

  it('no two names of a record stand at the same place', () => {
    const places = constantsOf(source, layout).filter((row) => /^[GVQKLAFC]_/.test(row.name));
    const keys = places.map((row) => `${row.name[0]} ${row.value}`);
    expect(keys.filter((key, n) => keys.indexOf(key) !== n)).toEqual([]);
  });
});
