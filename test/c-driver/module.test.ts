// SPDX-License-Identifier: Apache-2.0
// What is no driver's module is refused in words; damaged modules never end in anything else.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ApemuError } from '../../src/errors.ts';
import { readDriverModule } from '../../src/guest/c-driver/driver-module.ts';
import { loadDriver } from '../../src/index.ts';
import { nextRandom, seedRandom } from '../../src/lpar/random.ts';

const PREBUILT = new Uint8Array(readFileSync('examples/c-driver/driver.wasm'));
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content];
const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
const NO_ARGUMENTS = section(1, 1, 0x60, 0, 0);

const importing = (module: string, name: string): Uint8Array =>
  Uint8Array.from([
    ...MAGIC,
    ...NO_ARGUMENTS,
    ...section(2, 1, ...text(module), ...text(name), 0x00, 0x00),
  ]);

const ONE_FUNCTION = [...section(3, 1, 0)];
const BODY = section(10, 1, 2, 0, 0x0b);

const CASES: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['text', Uint8Array.from(Buffer.from('int main')), /is no WebAssembly module/],
  ['a module that is cut off', PREBUILT.subarray(0, 5000), /is cut off/],
  [
    'a module that is not valid',
    Uint8Array.from([...MAGIC, ...section(1, 1, 0x99)]),
    /is no valid WebAssembly module/,
  ],
  [
    'an import from a C library',
    importing('env', 'printf'),
    /imports env\.printf \(function\), which apemu does not have \(expected only what apemu\/ap\.h declares/,
  ],
  [
    'a module for WASI',
    importing('wasi_snapshot_preview1', 'fd_write'),
    /wasi_snapshot_preview1\.fd_write.*built for WASI/,
  ],
  [
    'a start function',
    Uint8Array.from([...MAGIC, ...NO_ARGUMENTS, ...ONE_FUNCTION, ...section(8, 0), ...BODY]),
    /runs code when it is loaded/,
  ],
  [
    'a module without ap.c',
    Uint8Array.from([...MAGIC, ...NO_ARGUMENTS, ...ONE_FUNCTION, ...BODY]),
    /has no memory memory \(expected a driver linked with apemu's ap\.c/,
  ],
];

describe('a module that cannot be a driver', () => {
  it.each(CASES)('%s is told', (_what, bytes, words) => {
    expect(() => loadDriver(bytes, 'x.wasm')).toThrow(
      expect.objectContaining({
        code: 'APEMU_ERR_DRIVER_WASM',
        message: expect.stringMatching(words) as string,
      }) as Error,
    );
  });

  it('any damaged byte gives a module, or an error that says what is wrong', () => {
    let state = seedRandom(1, 0);
    const next = (limit: number): number => {
      state = nextRandom(state);
      return (state >>> 4) % limit;
    };
    let refused = 0;
    for (let n = 0; n < 300; n++) {
      const bytes = PREBUILT.slice(0, n % 3 === 0 ? next(PREBUILT.length) : PREBUILT.length);
      for (let changes = 1 + next(4); changes > 0; changes--) bytes[next(bytes.length)] = next(256);
      try {
        readDriverModule(bytes, 'damaged.wasm');
      } catch (error) {
        expect(error).toBeInstanceOf(ApemuError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
