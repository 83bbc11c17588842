// SPDX-License-Identifier: Apache-2.0
// A QEMU that somebody else started with the documented options, and the messages when it was started otherwise.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuestConsole, SCRIPT_CONSOLE } from '../../src/qemu/console.ts';
import { QEMU_PROGRAM } from '../../src/qemu/launch.ts';
import { Poller } from '../../src/qemu/poller.ts';
import { attachGuest, type ServedGuest } from '../../src/qemu/serve.ts';
import { StubService } from '../qemu/support/stub-service.ts';
import { BOOT_MS } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');

describe.skipIf(image === undefined)('a QEMU of somebody else', () => {
  let folder: string;
  let child: ChildProcess;
  let served: ServedGuest | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'apemu-foreign-'));
  });
  afterEach(async () => {
    await served?.close();
    served = undefined;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts it the way the documentation tells, except for what is changed. */
  async function start(change: { backend?: string; append?: string } = {}): Promise<string> {
    const qmp = join(folder, 'qmp');
    const backend = `memory-backend-file,id=ram,size=512M,mem-path=${folder}/ram,share=on`;
    const append = `console=ttyS0 facilities=12,15,65 mem=511M ${SCRIPT_CONSOLE}`;
    child = spawn(QEMU_PROGRAM, [
      ...['-M', 's390-ccw-virtio,memory-backend=ram', '-object', change.backend ?? backend],
      ...['-cpu', 'max', '-accel', 'tcg', '-m', '512', '-nographic', '-nodefaults'],
      ...['-chardev', 'stdio,id=c0,mux=off', '-device', 'sclpconsole,chardev=c0'],
      ...['-qmp', `unix:${qmp},server=on,wait=off`, '-monitor', 'none', '-serial', 'none'],
      ...['-kernel', image!.kernel, '-initrd', image!.initrd, '-append', change.append ?? append],
    ]);
    while (!existsSync(qmp)) await new Promise((resolve) => setTimeout(resolve, 10));
    return qmp;
  }

  it('is served, let go and served again by another emulator', async () => {
    const qmp = await start();
    const poller = new Poller();
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    served = await attachGuest(new StubService(), poller, qmp, { log });
    const console = new GuestConsole(child.stdout!, child.stdin!);
    await console.ready(BOOT_MS);
    expect((await console.run('lszcrypt')).output).toContain('05.00ab');
    // The first emulator goes without a word, as by SIGKILL: its hook stays in the guest.
    poller.remove(served.attachment);
    served.attachment.abandon();
    const second = new StubService();
    served = await attachGuest(second, poller, qmp, { log });
    expect((await console.run('rsa-test 3 1 mex-1024')).status).toBe(0);
    expect(second.calls.get('nqap')).toBe(3);
    expect(lines.at(-1)).toContain('served before');
    // The second one lets go: the kernel has its own handlers again.
    await served.close();
    served = undefined;
    expect((await console.run('uptime')).status).toBe(0);
    expect(lines.slice(-2)).toEqual([
      expect.stringContaining('served before'),
      expect.stringContaining('let go'),
    ]);
  });

  it.each([
    [
      'memory that is not shared',
      { backend: 'memory-backend-ram,id=ram,size=512M' },
      'share=on',
      'APEMU_ERR_QEMU_RAM',
    ],
    [
      'a memory file that is private',
      { backend: 'memory-backend-file,id=ram,size=512M,mem-path=/dev/shm,share=off' },
      'share=off',
      'APEMU_ERR_QEMU_RAM',
    ],
    [
      'no facilities on the command line',
      { append: 'console=ttyS0 mem=511M' },
      'facilities=12,15,65',
      'APEMU_ERR_QEMU_COMMAND_LINE',
    ],
    [
      'no memory kept for the hook',
      { append: 'console=ttyS0 facilities=12' },
      'mem=511M',
      'APEMU_ERR_QEMU_COMMAND_LINE',
    ],
  ])(
    'with %s cannot be served, and the message says what to do',
    async (_what, change, text, code) => {
      const qmp = await start(change);
      const attaching = attachGuest(new StubService(), new Poller(), qmp);
      await expect(attaching).rejects.toMatchObject({ code });
      await expect(attachGuest(new StubService(), new Poller(), qmp)).rejects.toThrow(text);
    },
  );
});
