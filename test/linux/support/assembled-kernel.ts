// SPDX-License-Identifier: Apache-2.0
// A test kernel of this folder, assembled.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { haveAssembler } from './requirements.ts';

/** Above the place where QEMU writes a Linux command line. */
const TEXT = '-Ttext=0x20000';

/** Assembles a kernel; nothing is done where there is no assembler, so that the test is skipped with its reason. */
export function assembledKernel(source: string): { kernel: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-kernel-'));
  const kernel = join(folder, 'kernel.elf');
  if (haveAssembler()) {
    const here = import.meta.dirname;
    const object = join(folder, 'kernel.o');
    execFileSync('s390x-linux-gnu-as', ['-I', here, '-o', object, join(here, source)]);
    execFileSync('s390x-linux-gnu-ld', [TEXT, '-e', '_start', '-o', kernel, object]);
  }
  return { kernel, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
