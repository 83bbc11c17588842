// SPDX-License-Identifier: Apache-2.0
// `apemu cc`: what it makes, and what it says where there is no clang, an old one, or C that cannot be.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';
import { canCompile, clangVersion, compileExample } from './clang.ts';

const SOURCE = 'examples/c-driver/driver.c';
/** The compiler that made the module in the repository. */
const PREBUILT_BY = /clang version 14\.0\.6/;

const folder = mkdtempSync(join(tmpdir(), 'apemu-cc-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const program = (name: string, script: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
};

const source = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** A driver that is one function more than nothing. */
const driver = (start: string): string => `#include <apemu/ap.h>
void ap_driver_start(void) { ${start} }
void ap_driver_submit(struct ap_request *request) { ap_fail(request, -EIO); }
void ap_driver_close(void) {}
`;

const fuzzed = async (name: string, start: string): Promise<string> => {
  const output = join(folder, `${name}.wasm`);
  const { code, errors } = await apemu(['cc', source(`${name}.c`, driver(start)), '-o', output]);
  if (code !== 0) return errors;
  const config = 'examples/c-driver/machine.yaml';
  const out = join(folder, name);
  return (await apemu(['fuzz', config, '--driver', output, '--cases', '1', '--out', out])).errors;
};

describe('a compiler that is not there', () => {
  it.each([
    [
      'no clang',
      'nothing-here',
      /there is no .*nothing-here \(expected clang 14 or newer and lld: apt-get install clang lld\)/,
    ],
    ['an old clang', 'echo "clang version 11.0.1"', /is version 11 \(expected clang 14 or newer/],
    ['another compiler', 'echo "gcc (Debian) 12.2"', /is no clang: gcc \(Debian\) 12\.2/],
    [
      'a clang without lld',
      'case "$1" in --version) echo "clang version 16.0.0";; *) echo wasm-ld;; esac',
      /finds no wasm-ld, the linker/,
    ],
  ])('%s is told, with how to get it', async (what, script, words) => {
    const clang = script.includes(' ') ? program(what.replaceAll(' ', '-'), script) : script;
    const { code, errors } = await apemu([
      'cc',
      SOURCE,
      '-o',
      join(folder, 'x.wasm'),
      '--clang',
      clang,
    ]);
    expect([code, errors]).toEqual([3, expect.stringMatching(words)]);
    expect(errors).toContain('APEMU_ERR_CC_CLANG');
  });
});

describe.runIf(canCompile())('apemu cc', () => {
  it('makes the module that is in the repository, byte for byte', async () => {
    const version = clangVersion() ?? '';
    if (!PREBUILT_BY.test(version)) {
      process.stderr.write(`not compared: ${version} is not the clang that made driver.wasm\n`);
      return;
    }
    const built = readFileSync(await compileExample(folder, 'driver'));
    const prebuilt = readFileSync('examples/c-driver/driver.wasm');
    expect(built.equals(prebuilt), 'make -C examples/c-driver').toBe(true);
  });

  it.each([
    ['a mistake in C', 'int x = ;', /APEMU_ERR_CC_COMPILE/],
    [
      'a function nobody has',
      driver('extern void kmalloc_init(void); kmalloc_init();'),
      /kmalloc_init is neither in the sources nor in apemu\/ap\.h/,
    ],
    [
      'numbers of the machine mixed with those of the architecture',
      driver('struct ap_config_info info; u32 flags = info.flags; (void)flags;'),
      /incompatible type 'be32'/,
    ],
  ])('%s is told', async (name, text, words) => {
    const file = source(`${name.replaceAll(' ', '-')}.c`, text);
    const { code, errors } = await apemu(['cc', file, '-o', join(folder, 'x.wasm')]);
    expect([code, errors]).toEqual([3, expect.stringMatching(words)]);
  });

  it.each([
    ['trap', '__builtin_trap();', /throws Trap: a trap: .* at \w+ \(.*trap\.c:2\)/],
    [
      'loop',
      'for (volatile int n = 0; ; n++) ;',
      /an endless loop: more than \d+ branches in one step at \w+ \(.*loop\.c:2\)/,
    ],
    [
      'grow',
      '__builtin_wasm_memory_grow(0, 1); AP_BUG_ON(__builtin_wasm_memory_size(0) != 16); ap_panic("it did not grow");',
      /it did not grow/,
    ],
    [
      'overflow',
      'volatile s32 n = 0x7fffffff; n = n + 1;',
      /undefined behaviour: signed overflow in an addition at \w+ \(.*overflow\.c:2\)/,
    ],
    [
      'null',
      'u32 *p = ap_alloc(1 << 24); *p = 1;',
      /undefined behaviour: use of a NULL pointer at \w+ \(.*null\.c:2\)/,
    ],
    [
      'behind',
      'u8 *p = ap_alloc(5); p[5] = 1; ap_free(p);',
      /bytes behind allocated memory were written \(.*behind\.c:2\)/,
    ],
    ['twice', 'u8 *p = ap_alloc(5); ap_free(p); ap_free(p);', /memory was freed twice/],
    [
      'outside',
      '*(volatile u32 *)0x7ffffff0 = 1;',
      /an access outside of memory at \w+ \(.*outside\.c:2\)/,
    ],
  ])('a driver that must not: %s', async (name, start, words) => {
    expect(await fuzzed(name, start)).toMatch(words);
  });

  it('the stack has an end', async () => {
    const file = source(
      'stack.c',
      `#include <apemu/ap.h>
static int deep(int n) { volatile char room[64]; room[0] = (char)n; return deep(n + 1) + room[0]; }
void ap_driver_start(void) { deep(0); }
void ap_driver_submit(struct ap_request *request) { ap_fail(request, -EIO); }
void ap_driver_close(void) {}
`,
    );
    const output = join(folder, 'stack.wasm');
    expect((await apemu(['cc', file, '-o', output])).code).toBe(0);
    const { errors } = await apemu([
      'fuzz',
      'examples/c-driver/machine.yaml',
      '--driver',
      output,
      '--cases',
      '1',
      '--out',
      join(folder, 'stack'),
    ]);
    expect(errors).toMatch(/throws Trap: stack overflow at deep \(.*stack\.c:2\)/);
  });
});
