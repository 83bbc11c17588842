// SPDX-License-Identifier: Apache-2.0
// The few names of WebAssembly this folder uses, declared here because it compiles without Node or DOM types, and the
// small module that gives us `memory.copy` on shared memory.
// Source: docs/reference/performance.md sections 1.6 and 2.4 (copies through typed arrays are 3 times slower).
// Status: choice.

/** The part of a WebAssembly.Memory that is used here. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** Copies `length` bytes inside the image. The caller has checked the bounds. */
export type CopyBytes = (target: number, source: number, length: number) => void;

interface WebAssemblyApi {
  readonly Memory: new (d: { initial: number; maximum: number; shared: true }) => SharedMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: Record<string, unknown> };
}

const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/** Size of a WebAssembly page. */
const WASM_PAGE_BYTES = 65536;

/** Creates a page-aligned shared memory of at least `bytes` bytes. It never grows. */
export const createSharedMemory = (bytes: number): SharedMemory => {
  const pages = Math.ceil(bytes / WASM_PAGE_BYTES);
  return new webAssembly.Memory({ initial: pages, maximum: pages, shared: true });
};

// The module in text:
// (module (import "m" "m" (memory 1 65536 shared))
//   (func (export "c") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy))
const COPY_MODULE = new Uint8Array([
  0x00,
  0x61,
  0x73,
  0x6d,
  0x01,
  0x00,
  0x00,
  0x00, // magic, version
  0x01,
  0x07,
  0x01,
  0x60,
  0x03,
  0x7f,
  0x7f,
  0x7f,
  0x00, // type: (i32 i32 i32) -> ()
  0x02,
  0x0b,
  0x01,
  0x01,
  0x6d,
  0x01,
  0x6d,
  0x02,
  0x03,
  0x01,
  0x80,
  0x80,
  0x04, // import m.m, shared memory 1..65536
  0x03,
  0x02,
  0x01,
  0x00, // one function of type 0
  0x07,
  0x05,
  0x01,
  0x01,
  0x63,
  0x00,
  0x00, // export c
  0x0a,
  0x0e,
  0x01,
  0x0c,
  0x00,
  0x20,
  0x00,
  0x20,
  0x01,
  0x20,
  0x02,
  0xfc,
  0x0a,
  0x00,
  0x00,
  0x0b, // body
]);

/** Makes the function that copies inside one memory. */
export const createCopy = (memory: SharedMemory): CopyBytes => {
  const bytes = COPY_MODULE.slice();
  const instance = new webAssembly.Instance(new webAssembly.Module(bytes), { m: { m: memory } });
  return instance.exports['c'] as CopyBytes;
};
