// SPDX-License-Identifier: Apache-2.0
// SIGKILL of the emulator and of QEMU: no process is left, no file in /dev/shm, and the other side notices.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { StubService } from '../qemu/support/stub-service.ts';
import { bootLinux } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
const serve = new URL('../../dist/src/qemu/command.js', import.meta.url);
const built = existsSync(serve);
if (!built) console.info('skipped: SIGKILL of the emulator, dist is missing (npm run build)');

const CONFIG = {
  apemu: 1,
  machine: {
    adapters: { 5: { type: 'CEX8', mode: 'cca' } },
    usageDomains: [4],
    controlDomains: [4],
  },
};

/** The emulator in a process of its own: prints QEMU's process number once it serves it. */
const PROGRAM = `
  const { runQemu } = await import(process.argv[1]);
  const { configFromObject } = await import(process.argv[1].replace('qemu/command', 'config/load'));
  const { config } = configFromObject(JSON.parse(process.argv[2]));
  const launch = { kernel: process.argv[3], initrd: process.argv[4] };
  const onServed = (served) => console.log(served.get('partition').qemu.pid);
  await runQemu({ config, lpar: true, launch, onServed });
`;

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const ramFiles = () => readdirSync('/dev/shm').filter((name) => name.startsWith('apemu-'));

describe.skipIf(image === undefined)('SIGKILL', () => {
  it.runIf(built)('of the emulator ends its QEMU', async () => {
    const args = [PROGRAM, serve.href, JSON.stringify(CONFIG), image!.kernel, image!.initrd];
    const child = spawn(process.execPath, ['--input-type=module', '-e', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) =>
      createInterface({ input: child.stdout }).once('line', (line) => resolve(Number(line))),
    );
    expect(runs(pid)).toBe(true);
    expect(ramFiles()).toEqual([]);
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
    while (runs(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(ramFiles()).toEqual([]);
  });

  it('of QEMU ends serving, and nothing is left to clean up', async () => {
    const guest = await bootLinux(new StubService(), image!);
    process.kill(guest.qemu!.pid, 'SIGKILL');
    expect(await guest.ended).toBe('QEMU has ended by SIGKILL');
    expect(guest.attachment.state).toBe('ended');
    await guest.close();
    expect(ramFiles()).toEqual([]);
  });
});
