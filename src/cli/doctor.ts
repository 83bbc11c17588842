// SPDX-License-Identifier: Apache-2.0
// `apemu doctor`: what works on this computer, what is missing, and the command that fixes it.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { createSharedMemory } from '../../native-like/machine/globals.ts';
import { kernelFile } from '../lpar/kernel.ts';
import { type DoctorRow, qemuDoctor } from '../qemu/doctor.ts';
import type { AddCommand } from './add-command.ts';
import { type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { NEEDED_NODE, nodeWillDo } from './node-version.ts';

/** A default machine image with two guests, and the workers. */
const NEEDED_BYTES = 512 * 2 ** 20;
/** Shared memory that is asked for: as much as the image of a large machine takes. */
const RESERVED_BYTES = 2 ** 30;

/** What the commands other than `qemu` need. */
function ownRows(): DoctorRow[] {
  return [nodeRow(), sharedMemoryRow(), coresRow(), memoryRow(), kernelRow()];
}

export const addDoctor: AddCommand = (program, io, done) => {
  program
    .command('doctor')
    .description('what works on this computer, and how to get what is missing')
    .option('--json', 'one JSON array')
    .action(async (options: { json?: boolean }, _command: Command) => {
      const own = ownRows();
      const rest = [...(await toolRows()), ...(await qemuDoctor())];
      const rows = [...own, ...rest];
      showRows(rows, options.json === true, io);
      const missing = rows.filter(({ state }) => state === 'missing');
      if (missing.length > 0 && options.json !== true) io.out(missingText(missing));
      done(missing.length > 0 ? EXIT_MISMATCH : EXIT_OK);
    });
};

/** A summary of what does not work, for readers who only look at the end. */
const missingText = (missing: readonly DoctorRow[]): string =>
  `missing: ${missing.map(({ what }) => what).join(', ')}\n`;

function showRows(rows: readonly DoctorRow[], json: boolean, io: CommandIo): void {
  if (json) {
    io.out(`${JSON.stringify(rows, undefined, 1)}\n`);
    return;
  }
  for (const { state, what, detail, fix } of rows) {
    io.out(`${state.padEnd(8)}  ${what}\n`);
    io.out(`${' '.repeat(10)}${detail}\n`);
    if (fix !== '') io.out(`${' '.repeat(10)}fix: ${fix}\n`);
  }
}

const row = (
  what: string,
  ok: boolean,
  detail: string,
  fix: string,
  otherwise: DoctorRow['state'] = 'missing',
): DoctorRow => ({
  what,
  state: ok ? 'ok' : otherwise,
  detail,
  fix: ok ? '' : fix,
});

function nodeRow(): DoctorRow {
  return row(
    'Node.js',
    nodeWillDo(process.versions.node),
    process.version,
    `install Node.js ${NEEDED_NODE.join('.')} or newer: https://nodejs.org/en/download`,
  );
}

/** The machine image is one shared WebAssembly.Memory; its pages cost nothing until they are touched. */
function sharedMemoryRow(): DoctorRow {
  let detail = 'shared, 1 GiB can be reserved';
  let ok = true;
  try {
    ok = createSharedMemory(RESERVED_BYTES).buffer instanceof SharedArrayBuffer;
    if (!ok) detail = 'not shared';
  } catch (error) {
    ok = false;
    detail = error instanceof Error ? error.message : String(error);
  }
  return row('WebAssembly memory', ok, detail, 'ulimit -v unlimited');
}

function coresRow(): DoctorRow {
  const cores = availableParallelism();
  const fix =
    'taskset or the container gives one core: pooled mode works, but no faster than stepped';
  return row('cores', cores > 1, `${cores} usable`, fix, 'optional');
}

function memoryRow(): DoctorRow {
  const free = freemem();
  return row(
    'memory',
    free >= NEEDED_BYTES,
    `${Math.floor(free / 2 ** 20)} MiB free`,
    'end other programs, or give guests less with memory:',
    'optional',
  );
}

function kernelRow(): DoctorRow {
  try {
    return row('built kernel', true, kernelFile(), '');
  } catch {
    return row('built kernel', false, 'dist/kernel.js is missing', 'npm run build');
  }
}

/** The C side of the benchmarks, the tools that make bare guests for QEMU, and what carries campaigns. */
async function toolRows(): Promise<DoctorRow[]> {
  const header = join(dirname(process.execPath), '..', 'include', 'node', 'node_api.h');
  return [
    await toolRow('cc', 'C compiler (benchmarks against C)', 'apt-get install gcc'),
    row(
      'Node.js headers (benchmarks against C)',
      existsSync(header),
      existsSync(header) ? header : `${header} is missing`,
      'install Node.js from https://nodejs.org/en/download, or apt-get install libnode-dev',
      'optional',
    ),
    await toolRow(
      's390x-linux-gnu-gcc',
      's390x compiler (test guests)',
      'apt-get install gcc-s390x-linux-gnu',
    ),
    await toolRow(
      's390x-linux-gnu-as',
      's390x assembler (test guests)',
      'apt-get install binutils-s390x-linux-gnu',
    ),
    await toolRow(
      'redis-server',
      'Redis (campaigns on many machines)',
      'apt-get install redis-server',
    ),
  ];
}

function toolRow(tool: string, what: string, fix: string): Promise<DoctorRow> {
  return new Promise((resolve) => {
    execFile(tool, ['--version'], (error, stdout) => {
      const version = stdout.split('\n', 1)[0].trim();
      resolve(
        row(
          what,
          error === null,
          error === null ? version : `${tool} is not installed`,
          fix,
          'optional',
        ),
      );
    });
  });
}
