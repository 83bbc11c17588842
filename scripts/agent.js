// SPDX-License-Identifier: Apache-2.0
// Builds the agent of kernels under test and writes it as src/kernel-fuzz/agent/agent-image.ts, with the hash of the source it was built
// from: a test compares it. Needs an s390x cross compiler (apt-get install gcc-s390x-linux-gnu), which users do not need.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FOLDER = 'src/kernel-fuzz/agent';
const OPTIONS =
  '-O2 -Wall -Wextra -march=z10 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-asynchronous-unwind-tables -fno-stack-protector -Wl,--build-id=none -s';
const LINE = 120;

const source = readFileSync(join(FOLDER, 'agent.c'));
const work = mkdtempSync(join(tmpdir(), 'apemu-agent-'));
try {
  const program = join(work, 'agent');
  execFileSync('s390x-linux-gnu-gcc', [
    ...OPTIONS.split(' '),
    '-o',
    program,
    join(FOLDER, 'agent.c'),
  ]);
  const text = readFileSync(program).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')).map((line) => `  '${line}',`);
  const image = `// SPDX-License-Identifier: Apache-2.0
// The agent as a program for s390x, in base64. Written by scripts/agent.js from agent.c beside this file; do not edit.

/** SHA-256 of the source it was built from. */
export const AGENT_SOURCE = '${createHash('sha256').update(source).digest('hex')}';

const PROGRAM: readonly string[] = [
${lines.join('\n')}
];

/** An ELF file. */
export const agentProgram = (): Buffer => Buffer.from(PROGRAM.join(''), 'base64');
`;
  writeFileSync(join(FOLDER, 'agent-image.ts'), image);
} finally {
  rmSync(work, { recursive: true, force: true });
}
