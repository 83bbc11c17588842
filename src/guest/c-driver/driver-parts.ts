// SPDX-License-Identifier: Apache-2.0
// One instantiation of a driver's module: its functions, its memory, and where in it things are.
// Source: include/apemu/ap.c (the contract).
import type { DRIVER_FUNCTIONS, DriverModule } from './driver-module.ts';
import { type WasmFunction, type WasmGlobal, type WasmMemory, webAssembly } from './webassembly.ts';

export type DriverFunction = (typeof DRIVER_FUNCTIONS)[number];

/** The value of a variable that is an address; 0 where there is none. */
const addressOf = (exports: Readonly<Record<string, unknown>>, name: string): number =>
  ((exports[name] as WasmGlobal | undefined)?.value ?? 0) >>> 0;

/** What one instantiation of a module has. */
export interface DriverParts {
  readonly functions: Readonly<Record<DriverFunction, WasmFunction>>;
  readonly memory: Uint8Array;
  readonly words: Int32Array;
  readonly counters: Uint32Array;
  readonly stackPointer: WasmGlobal;
  readonly stackTop: number;
  /** First word of `struct shared`. */
  readonly shared: number;
  readonly heapBase: number;
}

export const instantiate = (
  { compiled }: DriverModule,
  imports: Record<string, Record<string, unknown>>,
): DriverParts => {
  const { exports } = new webAssembly.Instance(compiled, imports);
  const memory = exports['memory'] as WasmMemory;
  const { buffer } = memory;
  const stackPointer = exports['__stack_pointer'] as WasmGlobal;
  const from = addressOf(exports, '__start___sancov_guards');
  const to = addressOf(exports, '__stop___sancov_guards');
  const count = Math.max(0, to - from) >> 2;
  let counters = new Uint32Array(buffer, from, count).fill(0);
  return {
    functions: exports as unknown as Record<DriverFunction, WasmFunction>,
    memory: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    get counters() {
      // A memory that has grown has another buffer.
      if (counters.buffer !== memory.buffer) counters = new Uint32Array(memory.buffer, from, count);
      return counters;
    },
    stackPointer,
    stackTop: stackPointer.value,
    shared: addressOf(exports, 'apemu_shared') >>> 2,
    heapBase: addressOf(exports, '__heap_base'),
  };
};
