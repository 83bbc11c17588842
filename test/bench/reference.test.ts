// SPDX-License-Identifier: Apache-2.0
// Kernel and reference kernels do the same: equal image bytes after the same stream, equal endings, equal checks.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type BenchMachine,
  buildMachine,
  executeRow,
  primeQueues,
} from '../../bench/machine/machine.ts';
import { createRandom } from '../../bench/machine/random.ts';
import {
  dqap,
  type Instruction,
  instructionTable,
  nqap,
  tapq,
} from '../../bench/machine/tables.ts';
import { buildReference, loadReference } from '../../bench/reference/build.ts';
import { layoutHeader } from '../../bench/reference/constants.ts';
import { EXECUTE_UNSUPPORTED, type Reference } from '../../bench/reference/reference.ts';
import { PSW_BA, PSW_EA, PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import {
  C_MASKS,
  MASK_WORDS,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
} from '../../native-like/machine/layout.ts';

const GUESTS = 4;
const SEEDS = Array.from({ length: 20 }, (_, n) => n + 1);
const ROWS = 2000;

const hasCompiler = (() => {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const folder = mkdtempSync(join(tmpdir(), 'apemu-reference-'));
const built = hasCompiler
  ? [buildReference(folder), buildReference(folder, '')]
  : [buildReference(folder, '')];
if (!hasCompiler) console.warn('no C compiler: the frozen kernel only');
const machine = await buildMachine({
  guests: GUESTS,
  domains: GUESTS,
  depth: 3,
  messageBytes: 0x100000,
});
machine.vcpus.forEach((vcpu, queue) => {
  primeQueues(machine, vcpu, [queue]);
});
const clean = machine.image.u8.slice();

afterAll(() => rmSync(folder, { recursive: true }));

/** Any of the three instructions with any small deviation from a good one. */
const randomRow = (below: (limit: number) => number): Instruction => {
  const vcpu = machine.vcpus[below(GUESTS)];
  const apqn = below(8) === 0 ? below(0x10000) : below(GUESTS);
  const length = [8, 64, 200, 3072, 12288, 0, 12289, 61440, 70000][below(9)];
  const address = below(6) === 0 ? below(0x20000) : 8 * below(0x400);
  const kind = below(8);
  const row =
    kind < 3
      ? tapq(vcpu, apqn)
      : kind < 6
        ? nqap(vcpu, apqn, address, length, below(0x7fffffff))
        : dqap(vcpu, apqn, address, below(2) === 0 ? length : 12288);
  const gr0 = below(12) === 0 && kind < 3 ? row.gr0 | (1 << (16 + below(4))) : row.gr0;
  const word = below(20) === 0 ? row.word | 0x11 : below(30) === 0 ? 0x07000000 : row.word;
  return { ...row, gr0: kind < 3 && below(2) === 0 ? gr0 | 0x00800000 : gr0, word };
};

/** Guest 2 is in problem state, guest 3 is denied everything, guest 4 runs in 31-bit mode near the end of its addresses. */
const prepare = (target: BenchMachine): void => {
  const { i32 } = target.image;
  const [, problem, denied, narrow] = target.vcpus as [number, number, number, number];
  i32[problem + V_PSW_MASK_HIGH] |= PSW_PROBLEM;
  const masks = i32[C_MASKS] + 3 * MASK_WORDS;
  i32.fill(0, masks, masks + MASK_WORDS);
  i32[narrow + V_PSW_MASK_HIGH] &= ~PSW_EA;
  i32[narrow + V_PSW_MASK_LOW] = PSW_BA;
  i32[denied + V_PSW_ADDRESS_LOW] = -8;
};

/** Rows of a stream that the reference knows. What it does not know it leaves alone, but for the registers. */
const knownRows = (reference: Reference, seed: number): Instruction[] => {
  const { below } = createRandom(seed);
  const rows = Array.from({ length: ROWS }, () => randomRow(below));
  return rows.filter((row) => reference.drive(instructionTable([row]), 1) !== EXECUTE_UNSUPPORTED);
};

describe.each(built.map((one) => [one.kind, one] as const))('the %s reference', (_kind, one) => {
  it.each(SEEDS)(
    'leaves the same image as the kernel after the stream of seed %i',
    async (seed) => {
      const reference = await loadReference(one);
      machine.image.u8.set(clean);
      reference.attach(machine.image.i32);
      prepare(machine);
      const start = machine.image.u8.slice();
      const rows = knownRows(reference, seed);
      expect(rows.length).toBeGreaterThan(ROWS / 4);
      machine.image.u8.set(start);
      const endings = reference.drive(instructionTable(rows), rows.length);
      const wanted = machine.image.u8.slice();
      machine.image.u8.set(start);
      let sum = 0;
      for (const row of rows) sum += executeRow(machine, row);
      expect(sum).toBe(endings);
      expect(Buffer.compare(machine.image.u8, wanted)).toBe(0);
    },
  );

  it('says what it is', () => {
    expect(one.description).toMatch(one.kind === 'c' ? /-O3$/ : /^frozen JavaScript kernel/);
  });
});

it('has every number of the layout in the generated header', () => {
  const header = layoutHeader();
  expect(header).toContain('#define OPCODE_PQAP (45743)\n');
  expect(header).toContain('#define STATUS_EMPTY (-0x7fffffff - 1)\n');
  expect(header.match(/^#define V_GR /gm)).toHaveLength(1);
});
