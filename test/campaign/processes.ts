// SPDX-License-Identifier: Apache-2.0
// Coordinators and workers as processes of their own, which can be killed, and the folders they leave.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from '../fuzz/campaign-files.ts';

const MAIN = 'dist/src/cli/main.js';
export const CONFIG = 'examples/fuzzing/machine.yaml';
export const DRIVER = 'examples/fuzzing/driver.ts';

/** A command in a process of its own. */
export class Running {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  text = '';

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.setEncoding('utf8').on('data', (more: string) => {
        this.text += more;
      });
    this.ended = new Promise((resolve) => this.process.once('close', resolve));
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.process.kill(signal);
    await this.ended;
  }
}

export const startWorker = (queue: string, environment?: NodeJS.ProcessEnv): Running =>
  new Running(
    ['worker', CONFIG, '--driver', DRIVER, '--queue', queue, '--workers', '1'],
    environment,
  );

/** Arguments of a campaign of so many cases; the same sizes give the same campaign, whoever does it. */
export const campaign = (out: string, cases: number, ...more: string[]): string[] => [
  ...['fuzz', CONFIG, '--driver', DRIVER, '--out', out, '--cases', String(cases)],
  ...['--jobs', '8', '--job-cases', '32', ...more],
];

/** Corpus and findings, file by file. */
export const contentOf = (out: string): Record<string, string> =>
  filesBelow(join(out, 'corpus'), join(out, 'findings'));

/** What a campaign counted: everything of its state but which worker saw what, and the places each worker happened to reach. */
export const countsOf = (out: string): Record<string, unknown> => {
  const { findings, places, ...rest } = JSON.parse(
    readFileSync(join(out, 'state.json'), 'utf8'),
  ) as { findings: { by?: string }[]; places: unknown };
  return { ...rest, findings: findings.map(({ by, ...finding }) => finding) };
};
