// SPDX-License-Identifier: Apache-2.0
// Runs one program to its end and returns its output.

import { spawn } from 'node:child_process';
import { owned } from '../streams.ts';

/** The result of a program. `status` is -1 if it could not be started; `missing` tells that it is not installed. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly missing: boolean;
}

/**
 * Runs `command` without a shell and collects its output as text.
 *
 * @param env variables added to this process's own environment
 */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    owned(child.stdout);
    owned(child.stderr);
    owned(child, (error) =>
      resolve({ status: -1, stdout: '', stderr: error.message, missing: error.code === 'ENOENT' }),
    );
    child.on('close', (status) =>
      resolve({
        status: status ?? -1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        missing: false,
      }),
    );
  });
}
