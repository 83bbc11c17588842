// SPDX-License-Identifier: Apache-2.0
// Instruction execution does what the tables of function codes and response codes say: installation, reserved bits, condition
// code, A bit and flags, for every facility word that matters.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  FACILITY_AP,
  FACILITY_APFT,
  FACILITY_APSB,
  FACILITY_APXA,
  FACILITY_AQIC,
  FACILITY_QACT,
  FACILITY_QCI,
  FACILITY_SE,
} from '../../native-like/arch/facilities.ts';
import {
  FC_COUNT,
  FUNCTION_CODES,
  type FunctionCodeRow,
  GR0_APQN_NO_APXA,
  GR0_F,
  GR0_FC_SHIFT,
  GR0_T,
} from '../../native-like/arch/function-codes.ts';
import {
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import { STATUS_ASYNC, STATUS_FLAGS } from '../../native-like/arch/status-word.ts';
import { setFacilities } from '../../native-like/machine/guest-setup.ts';
import { createImage, type MachineImage } from '../../native-like/machine/image.ts';
import { Q_STATUS, V_EXIT, V_GR, V_PSW_MASK_HIGH } from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_PROGRAM } from '../../native-like/machine/outcome.ts';
import { type Kernel, loadKernel } from '../../src/lpar/kernel.ts';
import { VECTORS } from '../vectors/index.ts';
import { INJECTION_ONLY } from './pages.ts';

const PQAP = 0xb2af0000 | 0;
const LOOKED_AT = [
  FACILITY_QCI,
  FACILITY_APFT,
  FACILITY_AQIC,
  FACILITY_APXA,
  FACILITY_QACT,
  FACILITY_APSB,
  FACILITY_SE,
];
/** Every combination of the facilities the checks look at. */
const WORDS = Array.from({ length: 1 << LOOKED_AT.length }, (_, n) =>
  LOOKED_AT.reduce((word, bit, index) => ((n >>> index) & 1 ? word | bit : word), FACILITY_AP),
);

let image: MachineImage;
let kernel: Kernel;
beforeAll(async () => {
  image = createImage({
    guests: [{ vcpus: 1, storageBytes: 0x10000 }],
    messageBytes: 0x1000,
  });
  kernel = await loadKernel(image);
});

/** Executes PQAP by the partition itself: 0 or the program-interruption code. */
const pqap = (gr0: number, facilities: number): number => {
  setFacilities(image, 0, facilities);
  const vcpu = image.vcpu(0, 0);
  image.i32.fill(0, vcpu + V_GR, vcpu + V_GR + 32);
  image.i32[vcpu + V_GR + 1] = gr0;
  image.i32[vcpu + V_GR + 5] = 0x1000;
  const outcome = kernel.execute(vcpu, PQAP);
  expect([EXECUTE_COMPLETED, EXECUTE_PROGRAM]).toContain(outcome);
  return outcome === EXECUTE_COMPLETED ? 0 : image.word(vcpu + V_EXIT);
};

const installed = (row: FunctionCodeRow, facilities: number): boolean =>
  row.needs !== -1 && (facilities & row.needs) === row.needs;

/** Whether the table says that a bit of GR0 is legal. */
const legal = (row: FunctionCodeRow, facilities: number, bit: number): boolean => {
  if (!row.namesQueue) return true;
  if ((row.reserved & bit) !== 0) return false;
  if (bit === GR0_F) return row.bit41 === -1 || (facilities & row.bit41) !== 0;
  if (bit === GR0_T) return (facilities & FACILITY_APFT) !== 0;
  return (bit & GR0_APQN_NO_APXA) === 0 || (facilities & FACILITY_APXA) !== 0;
};

describe('function codes', () => {
  it.each(FUNCTION_CODES.map((row) => [row.name, row] as const))(
    '%s is installed, and each GR0 bit legal, exactly as its row says, with every facility word',
    (_name, row) => {
      const code = row.code << GR0_FC_SHIFT;
      const wrong: string[] = [];
      for (const word of WORDS) {
        const there = installed(row, word);
        if (pqap(code, word) !== (there ? 0 : PGM_SPECIFICATION)) wrong.push(`${word}: installed`);
        for (let z = 40; z < 64; z++) {
          const bit = (0x80000000 >>> (z - 32)) | 0;
          const expected = there && legal(row, word, bit) ? 0 : PGM_SPECIFICATION;
          if (pqap(code | bit, word) !== expected) wrong.push(`${word}: bit ${z}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  it('the table has every code from 0, and all above it are undefined', () => {
    expect(FUNCTION_CODES.map((row) => row.code)).toEqual([...Array(FC_COUNT).keys()]);
    const everything = WORDS.at(-1) as number;
    for (let code = FC_COUNT; code < 256; code++)
      expect(pqap(code << GR0_FC_SHIFT, everything), `code ${code}`).toBe(PGM_SPECIFICATION);
  });

  it('problem state comes before all of it', () => {
    const mask = image.vcpu(0, 0) + V_PSW_MASK_HIGH;
    image.i32[mask] = image.word(mask) | PSW_PROBLEM;
    for (let code = 0; code < 256; code++)
      expect(pqap((code << GR0_FC_SHIFT) | 0x3f0000, FACILITY_AP)).toBe(PGM_PRIVILEGED_OPERATION);
    image.i32[mask] = image.word(mask) & ~PSW_PROBLEM;
  });
});

describe('response codes', () => {
  it.each(RESPONSE_CODES.map((row) => [row.name, row] as const))(
    '%s comes with the A bit and the flags its row says',
    (_name, row) => {
      const queue = image.queueRecord(1);
      image.i32[queue + Q_STATUS] = STATUS_FLAGS;
      const status = kernel.statusWithCode(queue, row.code);
      expect((status >>> 16) & 0xff).toBe(row.code);
      expect((status & STATUS_ASYNC) !== 0).toBe(row.async);
      expect(status & STATUS_FLAGS).toBe(row.flags ? STATUS_FLAGS : 0);
      expect(status & 0x1c00ffff).toBe(0);
    },
  );

  it('the vectors reach every code by its cause, but those the support matrix calls injection only', () => {
    const reached = new Set<number>();
    for (const { vectors } of VECTORS)
      for (const { steps } of vectors) {
        const operations = steps.map((step) => (Array.isArray(step) ? step[0] : step));
        if (operations.some((operation) => operation.op === 'fault')) continue;
        for (const step of steps) {
          if (!Array.isArray(step)) continue;
          const [, { rc, cc, gr }] = step;
          if (rc !== undefined) reached.add(rc);
          else if (cc === 3 && gr?.[1] !== undefined) reached.add(Number((gr[1] >> 16n) & 0xffn));
        }
      }
    const missing = RESPONSE_CODES.map((row) => row.code).filter(
      (code) => code !== 0 && !reached.has(code),
    );
    expect(missing).toEqual(INJECTION_ONLY);
  });
});
