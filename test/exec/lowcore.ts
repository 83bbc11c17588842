// SPDX-License-Identifier: Apache-2.0
// What a program interruption leaves: old PSW, ILC and code in the lowcore, and nothing else changed.
// Source: docs/reference/ap-architecture.md section 3.1 (PSW at 0x150, ILC at 0x8C, code at 0x8E; all codes here suppress).

import * as L from '../../native-like/machine/layout.ts';
import { EXECUTE_PROGRAM } from '../../native-like/machine/outcome.ts';
import { STANDARD, standardWith } from '../vectors/presets.ts';
import type { MachinePreset } from '../vectors/under-test.ts';
import { type Bench, kernelFactory } from './kernel-under-test.ts';

type Mode = 24 | 31 | 64;

/** A program interruption: how to cause it, and what is stored. */
export interface LowcoreCase {
  readonly name: string;
  readonly word: number;
  readonly gr0: number;
  readonly code: number;
  /** Instruction length in bytes as stored at 0x8C. */
  readonly length: number;
  readonly mode: Mode;
  readonly problem: boolean;
  /** Instruction address before, and in the old PSW. */
  readonly address: bigint;
  readonly oldAddress: bigint;
  readonly preset: MachinePreset;
}

const PQAP = 0xb2af0000;
const NO_AP = standardWith({ apInstalled: false });

/** Every code an AP instruction reaches without DAT, and the three lengths of an operation exception. */
const CAUSES = [
  { name: 'operation, PQAP on a machine without AP', word: PQAP, gr0: 0, code: 1, preset: NO_AP },
  { name: 'operation, an unknown opcode', word: 0xb2b00000, gr0: 0, code: 1 },
  { name: 'operation, an unknown 2-byte opcode', word: 0x01070000, gr0: 0, code: 1, length: 2 },
  { name: 'operation, an unknown 6-byte opcode', word: 0xe3000000, gr0: 0, code: 1, length: 6 },
  { name: 'privileged operation', word: PQAP, gr0: 0, code: 2, problem: true },
  { name: 'addressing, QCI beyond storage', word: PQAP, gr0: 0x04000000, code: 5 },
  { name: 'specification, a reserved bit of PQAP', word: PQAP, gr0: 0x00010000, code: 6 },
  { name: 'specification, a reserved bit of NQAP', word: 0xb2ad0046, gr0: 0x60000000, code: 6 },
  { name: 'specification, an odd register of DQAP', word: 0xb2ae0056, gr0: 0x80000000, code: 6 },
] as const;

/** Last fullword below the end of the addresses of each mode. */
const HIGHEST: Readonly<Record<Mode, bigint>> = {
  24: 0xff_fffcn,
  31: 0x7fff_fffcn,
  64: 0x0000_0005_ffff_fffcn,
};

const past = (mode: Mode, address: bigint, length: number): bigint =>
  BigInt.asUintN(mode, address + BigInt(length));

/** All cases: codes in all modes, in the middle of the addresses, at the end of 24-bit ones and at the mode's own end. */
export const LOWCORE_CASES: readonly LowcoreCase[] = CAUSES.flatMap((cause) =>
  ([24, 31, 64] as const).flatMap((mode) =>
    [...new Set([0x1000n, HIGHEST[24], HIGHEST[mode]])].map((address) => {
      const length = 'length' in cause ? cause.length : 4;
      return {
        ...cause,
        name: `${cause.name}, ${mode}-bit mode at 0x${address.toString(16)}`,
        length,
        mode,
        problem: 'problem' in cause,
        address,
        oldAddress: past(mode, address, length),
        preset: 'preset' in cause ? cause.preset : STANDARD,
      };
    }),
  ),
);

const differs = (what: string, expected: unknown, found: unknown): string[] =>
  expected === found ? [] : [`${what}: expected ${expected}, found ${found}`];

/** Executes the case on the host partition's vCPU; mismatches as sentences. */
export const runLowcoreCase = (bench: Bench, lowcore: LowcoreCase): string[] => {
  const machine = kernelFactory(bench).create(lowcore.preset);
  const { image, kernel } = bench;
  const v = image.vcpu(0);
  const size = image.storage(0).length;
  machine.setRegister(0, 0, 0, BigInt(lowcore.gr0));
  // Bits 0-39 of GR2 do not count in all modes, so the address is one that fits each of them.
  machine.setRegister(0, 0, 2, BigInt(size));
  machine.setRegister(0, 0, 7, 64n);
  const { mode: addressingMode, problem, address } = lowcore;
  machine.setPsw(0, 0, { addressingMode, problem, address, cc: 2 });
  const before = image.i32.slice(v, v + L.V_EXIT);
  const storage = image.storage(0).slice();

  const ended = kernel.execute(v, lowcore.word | 0);

  const view = new DataView(storage.buffer);
  view.setUint16(0x8c, lowcore.length);
  view.setUint16(0x8e, lowcore.code);
  view.setUint32(0x150, before[0]);
  view.setUint32(0x154, before[1]);
  view.setBigUint64(0x158, lowcore.oldAddress);
  const after = image.storage(0);
  const at = storage.findIndex((byte, index) => byte !== after[index]);
  const changed = before.findIndex((word, index) => word !== image.word(v + index));
  return [
    ...differs('ending', EXECUTE_PROGRAM, ended),
    ...differs('code', lowcore.code, image.word(v + L.V_EXIT)),
    ...differs(`storage at 0x${at.toString(16)}`, storage[at], after[at]),
    ...differs('first changed word of the vCPU (PSW, registers)', -1, changed),
  ];
};
