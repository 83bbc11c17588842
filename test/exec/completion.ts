// SPDX-License-Identifier: Apache-2.0
// Where the instruction address is after an instruction that completes: past it, wrapped in 24- and 31-bit mode, carried in 64-bit mode.
// Source: docs/reference/ap-architecture.md section 3.1, decisions AD-02 and AD-60.
import { STANDARD } from '../vectors/presets.ts';
import { type Bench, kernelFactory } from './kernel-under-test.ts';

type Mode = 24 | 31 | 64;

export interface CompletionCase {
  readonly name: string;
  readonly word: number;
  readonly gr0: bigint;
  readonly mode: Mode;
  readonly address: bigint;
}

/** All name a queue that is there, or one that is not: the fast paths, and the slow ones that other modes take. */
const INSTRUCTIONS = [
  { name: 'TAPQ', word: 0xb2af0000, gr0: 0x504n },
  { name: 'TAPQ of an unavailable queue', word: 0xb2af0000, gr0: 0xfefen },
  { name: 'NQAP to an unavailable queue', word: 0xb2ad0046, gr0: 0x4000fefen },
  { name: 'DQAP from an unavailable queue', word: 0xb2ae0046, gr0: 0x8000fefen },
  { name: 'DQAP of an empty queue', word: 0xb2ae0046, gr0: 0x80000504n },
] as const;

/** In the middle, and before each place where a carry ends an address in some mode. */
const ADDRESSES = [0x1000n, 0xff_fffcn, 0x7fff_fffcn, 0xffff_fffcn, 0x5_ffff_fffcn];

export const COMPLETION_CASES: readonly CompletionCase[] = INSTRUCTIONS.flatMap((instruction) =>
  ([24, 31, 64] as const).flatMap((mode) =>
    ADDRESSES.filter((address) => address < 1n << BigInt(mode)).map((address) => ({
      ...instruction,
      name: `${instruction.name}, ${mode}-bit mode at 0x${address.toString(16)}`,
      mode,
      address,
    })),
  ),
);

/** Executes the case on the host partition's vCPU; the instruction address it ends with. */
export const addressAfter = (
  bench: Bench,
  { word, gr0, mode, address }: CompletionCase,
): bigint => {
  const machine = kernelFactory(bench).create(STANDARD);
  machine.setRegister(0, 0, 0, gr0);
  machine.setRegister(0, 0, 7, 64n);
  machine.setPsw(0, 0, { addressingMode: mode, problem: false, address, cc: 2 });
  const ended = bench.kernel.execute(bench.image.vcpu(0), word | 0);
  if (ended !== 0) throw new Error(`ended with ${ended}`);
  return machine.psw(0, 0).address;
};

/** What it must be. */
export const addressPast = ({ mode, address }: CompletionCase): bigint =>
  BigInt.asUintN(mode, address + 4n);
