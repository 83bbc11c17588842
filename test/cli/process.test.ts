// SPDX-License-Identifier: Apache-2.0
// The built program as a process: pipes that close, Ctrl-C, exit codes a shell sees. `npm test` builds it first.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AbleTime } from '../../scripts/attack/frame/able-time.js';

const ROOT = new URL('../../', import.meta.url).pathname;
const MAIN = `${ROOT}dist/src/cli/main.js`;
const built = existsSync(MAIN);
if (!built) console.warn(`test/cli/process.test.ts is skipped: ${MAIN} is missing (npm run build)`);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell command; `$APEMU` is the program. `input` goes to its standard input. */
function shell(
  command: string,
  input = '',
  act: (child: ReturnType<typeof spawn>) => void = () => {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command], { cwd: ROOT, env: { ...process.env, APEMU: MAIN } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    act(child);
    child.stdin.end(input);
  });
}

const LONG = `apemu-program 1\n${'Alice.0: tapq 06.0004 => cc=0\n'.repeat(50_000)}`;

describe.skipIf(!built)('the built program', () => {
  it("runs the examples from another program's point of view: exit 0, nothing on standard error", async () => {
    const { code, stdout, stderr } = await shell('node "$APEMU" exec examples/queue-full.ap');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe('examples/queue-full.ap: 16 lines, 13 instructions: ok\n');
  });

  it('is quiet when nobody reads its output any more', async () => {
    const command = 'node "$APEMU" exec --json -c examples/playground.yaml - | head -n 1';
    const { stdout, stderr } = await shell(command, LONG);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toBe('');
  });

  it('ends with 130 after Ctrl-C, with what was done so far', async () => {
    const command = 'exec node "$APEMU" exec --json -c examples/playground.yaml -';
    const { code, stderr } = await shell(command, LONG, (child) => {
      child.stdout?.once('data', () => child.kill('SIGINT'));
    });
    expect([code, stderr]).toEqual([130, '']);
  });

  it('13.A5: ends within a second of Ctrl-C although its output is not read any more', async () => {
    const child = spawn('node', [MAIN, 'exec', '--json', '-c', 'examples/playground.yaml', '-'], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(LONG);
    // The first piece is read, nothing after it: the pipe is full soon.
    await new Promise((resolve) => child.stdout.once('readable', resolve));
    await sleep(1000);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const able = new AbleTime(child.pid as number);
    child.kill('SIGINT');
    while (!(await Promise.race([ended.then(() => true), sleep(20, false)]))) able.look();
    expect(await ended).toBe(130);
    expect(able.ms).toBeLessThan(1000);
  });

  it('says that the results cannot be written, without a stack trace', async () => {
    const { code, stderr } = await shell('node "$APEMU" exec examples/queue-full.ap >/dev/full');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^apemu: cannot write the results: ENOSPC \[APEMU_ERR_USAGE_OUTPUT\]\n$/,
    );
  });

  it('keeps its exit code where nobody reads its messages', async () => {
    const command = '{ node "$APEMU" exec /dev/null 2>&1 >&3; echo $? >&3; } 3>&1 | true';
    expect(await shell(`exec 3>&1; ${command.replace(' 3>&1', '')}`)).toMatchObject({
      stdout: '3\n',
    });
  });

  it('shows no stack trace for a bad file', async () => {
    const { code, stdout, stderr } = await shell('node "$APEMU" exec test/program/bad/no-apqn.ap');
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toBe(
      'test/program/bad/no-apqn.ap:2:15: tapq needs an APQN (expected aa.dddd, such as 05.0004) [APEMU_ERR_PROGRAM_APQN]\n',
    );
  });
});
