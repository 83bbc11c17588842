// SPDX-License-Identifier: Apache-2.0
// A WebAssembly module as the code of a driver: what it may import, what it must export, and what is known of its sources.
// Source: include/apemu/ap.c (the contract), docs/c-drivers.md.
import { ApemuError } from '../../errors.ts';
import { branchPlaces } from './branches.ts';
import { ByteReader } from './byte-reader.ts';
import { LineTable, type SourcePlace } from './line-table.ts';
import { type ModuleSections, readSections } from './sections.ts';
import { isUndefinedBehaviour } from './undefined-behaviour.ts';
import { type WasmModule, webAssembly } from './webassembly.ts';

/** The version of the contract, `apemu_version` of ap.c. */
export const CONTRACT_VERSION = 1;

/** Functions that apemu gives a driver. */
export const HOST_FUNCTIONS = [
  'execute',
  'facility',
  'now',
  'interruption',
  'log',
  'ended',
  'panic',
  'exhausted',
] as const;

/** Functions that a driver has. ap.c makes them from what the driver defines. */
export const DRIVER_FUNCTIONS = [
  'apemu_version',
  'apemu_start',
  'apemu_submit',
  'apemu_close',
  'apemu_scan',
  'apemu_gone',
  'apemu_believes',
  'apemu_request',
  'apemu_step',
  'apemu_check',
  'apemu_held',
] as const;

/** Variables that come from the linker and from ap.c. */
const GLOBALS = ['__stack_pointer', '__heap_base', 'apemu_shared'] as const;

/** Coverage that counts by calling out of the module, in builds without ap.c's own. */
export const OUTER_COVERAGE = [
  '__sanitizer_cov_trace_pc_guard',
  '__sanitizer_cov_trace_pc_guard_init',
];

const MEMORY_PAGE_BYTES = 0x10000;
/** Largest memory of a driver in bytes, since it is a guest's storage. */
const MEMORY_MAX = 256 * 2 ** 20;
const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const HOW = 'docs/c-drivers.md says how to build one: apemu cc SOURCES -o driver.wasm';

export interface DriverModule {
  /** Name of the file, for messages. */
  readonly name: string;
  readonly compiled: WasmModule;
  readonly lines: LineTable;
  /** Byte of the module at which its code section begins. The offsets of `lines` count from there. */
  readonly codeFrom: number;
  readonly code: Uint8Array;
}

/** Whether bytes are WebAssembly. */
export const isWasm = (bytes: Uint8Array): boolean =>
  MAGIC.every((byte, index) => bytes[index] === byte);

const refuse = (name: string, what: string, expected: string, cause?: unknown): never => {
  throw new ApemuError('APEMU_ERR_DRIVER_WASM', `${name} ${what} (expected ${expected})`, {
    place: { file: name },
    ...(cause === undefined ? {} : { cause }),
  });
};

const sectionsOf = (bytes: Uint8Array, name: string): ModuleSections => {
  try {
    return readSections(bytes);
  } catch (cause) {
    return refuse(name, 'is cut off', `a whole WebAssembly module; ${HOW}`, cause);
  }
};

const compile = (bytes: Uint8Array, name: string): WasmModule => {
  try {
    return new webAssembly.Module(bytes);
  } catch (cause) {
    const why =
      cause instanceof Error ? cause.message.replace(/^WebAssembly\.Module\(\): /, '') : '';
    return refuse(name, `is no valid WebAssembly module: ${why}`, HOW, cause);
  }
};

const isKnownImport = (module: string, name: string): boolean =>
  module === 'apemu'
    ? (HOST_FUNCTIONS as readonly string[]).includes(name)
    : module === 'env' && (isUndefinedBehaviour(name) || OUTER_COVERAGE.includes(name));

const checkImports = (compiled: WasmModule, name: string): void => {
  const foreign = webAssembly.Module.imports(compiled).filter(
    (one) => one.kind !== 'function' || !isKnownImport(one.module, one.name),
  );
  if (foreign.length === 0) return;
  const shown = foreign.slice(0, 5).map((one) => `${one.module}.${one.name} (${one.kind})`);
  const more = foreign.length > shown.length ? ` and ${foreign.length - shown.length} more` : '';
  const wasi = foreign.some(({ module }) => module.startsWith('wasi'))
    ? '; it was built for WASI, a driver is built without a C library'
    : '';
  refuse(
    name,
    `imports ${shown.join(', ')}${more}, which apemu does not have`,
    `only what apemu/ap.h declares: what your code takes from its kernel it must bring along${wasi}`,
  );
};

const checkExports = (compiled: WasmModule, name: string): void => {
  const kinds = new Map(webAssembly.Module.exports(compiled).map((one) => [one.name, one.kind]));
  const needed = [
    ['memory', 'memory'],
    ...DRIVER_FUNCTIONS.map((one) => [one, 'function']),
    ...GLOBALS.map((one) => [one, 'global']),
  ] as const;
  for (const [wanted, kind] of needed)
    if (kinds.get(wanted) !== kind)
      refuse(name, `has no ${kind} ${wanted}`, `a driver linked with apemu's ap.c; ${HOW}`);
};

const checkMemory = ({ memory }: ModuleSections, name: string): void => {
  if (memory === undefined) {
    refuse(name, 'has no memory of its own', HOW);
    return;
  }
  const bytes = memory.pages * MEMORY_PAGE_BYTES;
  if (bytes > MEMORY_MAX)
    refuse(name, `wants ${bytes} bytes of memory`, `at most ${MEMORY_MAX}: apemu cc --memory`);
};

/**
 * Reads a module and checks it.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_WASM` for what it lacks, or for an import that does not exist
 */
export const readDriverModule = (bytes: Uint8Array, name: string): DriverModule => {
  if (!isWasm(bytes)) refuse(name, 'is no WebAssembly module', HOW);
  const sections = sectionsOf(bytes, name);
  const compiled = compile(bytes, name);
  if (sections.hasStart)
    refuse(name, 'runs code when it is loaded', 'a module without a start function');
  checkImports(compiled, name);
  checkExports(compiled, name);
  checkMemory(sections, name);
  const { from, to } = sections.code;
  return {
    name,
    compiled,
    lines: LineTable.of(sections.custom.get('.debug_line')),
    codeFrom: from,
    code: bytes.subarray(from, to),
  };
};

/** Places of the branches whose words lie between two addresses. */
export const branchesOf = (
  { code, lines }: DriverModule,
  from: number,
  to: number,
): (SourcePlace | undefined)[] => branchPlaces(code, lines, from, to);

/** A zero-terminated string in memory, at most `max` bytes of it. */
export const textAt = (memory: Uint8Array, address: number, max = 200): string => {
  const from = address >>> 0;
  const end = memory.indexOf(0, from);
  const to = Math.min(end < 0 ? memory.length : end, from + max);
  return from >= memory.length ? '' : new ByteReader(memory, from, to).string(to - from);
};
