// SPDX-License-Identifier: Apache-2.0
// The instructions that stock kernels issued, replayed against the real core: same condition codes, status words and queue
// information (test/golden/README.md says how the recording machine answered).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CoreMachine } from './core-machine.ts';

const FILES = [
  { file: 'linux-6.1-polling', facilities: [12, 15] },
  { file: 'linux-6.1-interrupts', facilities: [12, 15, 65] },
  { file: 'linux-6.12-polling', facilities: [12, 15] },
  { file: 'linux-6.12-interrupts', facilities: [12, 15, 65] },
] as const;

interface Registers {
  gr0: string;
  gr1: string;
  gr2: string;
  r1?: string;
  r1o?: string;
  r2?: string;
  r2o?: string;
}

interface Recorded {
  op: string;
  name: string;
  r1?: number;
  r2?: number;
  in: Registers;
  out: Registers & { cc: number };
}

const STORAGE_BYTES = 0x40000;
const T_BIT = 0x00800000n;
const LOW_WORD = 0xffffffffn;
const COMPARED = ['PQAP.TAPQ', 'PQAP.RAPQ', 'PQAP.AQIC'];

const recorded = (file: string): Recorded[] =>
  readFileSync(new URL(`../golden/linux-guest/${file}.jsonl`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const value = (text: string): bigint => BigInt(`0x${text}`);

/** An address of the recording's guest within our smaller storage: the same offset in a page, below the end. */
const folded = (address: bigint): bigint => (address % BigInt(STORAGE_BYTES / 2)) + 0x4000n;

/** Registers before the instruction, with storage addresses folded into ours. */
const registersOf = (line: Recorded): Map<number, bigint> => {
  const isQci = line.name === 'PQAP.QCI';
  const isAqic = line.name === 'PQAP.AQIC';
  const gr2 = value(line.in.gr2);
  const registers = new Map<number, bigint>([
    [0, value(line.in.gr0)],
    [1, value(line.in.gr1)],
    [2, isQci || isAqic ? folded(gr2) & (isQci ? ~7n : ~0n) : gr2],
  ]);
  if (line.r1 !== undefined && line.r2 !== undefined) {
    registers.set(line.r1, value(line.in.r1!));
    registers.set(line.r1 + 1, value(line.in.r1o!));
    registers.set(line.r2, folded(value(line.in.r2!)));
    registers.set(line.r2 + 1, value(line.in.r2o!));
  }
  return registers;
};

const word = (line: Recorded): number =>
  ((Number.parseInt(line.op, 16) << 16) | ((line.r1 ?? 0) << 4) | (line.r2 ?? 0)) >>> 0;

describe('the core, given what stock kernels issued', () => {
  for (const { file, facilities } of FILES) {
    it(`${file}: TAPQ, RAPQ and AQIC end with the recorded CC and GR1, TAPQ with T=1 with the recorded GR2`, async () => {
      const core = await CoreMachine.create(facilities);
      const lines = recorded(file);
      let compared = 0;
      for (const [index, line] of lines.entries()) {
        for (const [n, register] of registersOf(line)) core.machine.setRegister(0, 0, n, register);
        const where = `line ${index + 1}, ${line.name} ${line.in.gr0}`;
        expect(core.execute(word(line)), where).toBe(0);
        if (!COMPARED.includes(line.name)) {
          expect(core.conditionCode(), where).toBe(line.out.cc);
          continue;
        }
        compared++;
        expect(core.conditionCode(), where).toBe(line.out.cc);
        expect(core.machine.register(0, 0, 1) & LOW_WORD, `${where}: GR1`).toBe(
          value(line.out.gr1) & LOW_WORD,
        );
        if (line.name === 'PQAP.TAPQ' && (value(line.in.gr0) & T_BIT) !== 0n) {
          expect(core.machine.register(0, 0, 2), `${where}: GR2`).toBe(value(line.out.gr2));
        }
      }
      const expected = lines.filter((line) => COMPARED.includes(line.name)).length;
      expect(compared).toBe(expected);
      expect(compared).toBeGreaterThan(15);
    });

    it(`${file}: each reply carries the PSMID of its request`, async () => {
      const core = await CoreMachine.create(facilities);
      const waiting: bigint[] = [];
      let replies = 0;
      for (const line of recorded(file)) {
        for (const [n, register] of registersOf(line)) core.machine.setRegister(0, 0, n, register);
        core.execute(word(line));
        const psmid = (n: number): bigint =>
          (core.machine.register(0, 0, n) << 32n) | (core.machine.register(0, 0, n + 1) & LOW_WORD);
        if (line.name === 'NQAP') waiting.push(psmid(line.r1!));
        if (line.name !== 'DQAP') continue;
        expect(psmid(line.r1!)).toBe(waiting.shift());
        replies++;
      }
      expect(replies).toBeGreaterThan(5);
      expect(waiting).toEqual([]);
    });
  }
});
