// SPDX-License-Identifier: Apache-2.0
// `apemu view` without a browser: what it gives and takes, at a configuration and at the shell socket of another apemu.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { shellSession } from '../../src/cli/shell-session.ts';
import { loadConfigFile } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { openShellSocket, type ShellSocket } from '../../src/qemu/shell-socket.ts';
import type { PartitionView } from '../../src/shell/partition-view.ts';
import { RecentTrace } from '../../src/trace/recent.ts';
import { apemu, FakeIo } from '../cli/fake-io.ts';

const CONFIG = 'examples/two-guests.yaml';
const folder = mkdtempSync(join(tmpdir(), 'apemu-view-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A command that runs until it is interrupted, and its page. */
class Viewing {
  readonly io = new FakeIo();
  readonly ended: Promise<FakeIo & { code: number }>;

  constructor(...args: readonly string[]) {
    this.ended = apemu(['view', ...args], this.io);
  }

  async address(): Promise<string> {
    await expect.poll(() => this.io.errors, { timeout: 20_000 }).toMatch(/^http:\S+\/$/m);
    return /^http:\S+\/$/m.exec(this.io.errors)?.[0] ?? '';
  }

  async data(): Promise<PartitionView> {
    return (await (await fetch(`${await this.address()}data`)).json()) as PartitionView;
  }

  async act(body: unknown): Promise<{ status: number; text: string }> {
    const response = await fetch(`${await this.address()}act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  async end(): Promise<number> {
    this.io.interrupt();
    return (await this.ended).code;
  }
}

const stateOf = ({ adapters }: PartitionView, apid: string): string | undefined =>
  adapters.find((adapter) => adapter.apid === apid)?.state;

describe('apemu view CONFIG', () => {
  let viewing: Viewing;
  afterEach(() => viewing.end());

  it('runs the guests, shows the partition, does what the operator asks, ends with 130', async () => {
    viewing = new Viewing(CONFIG, '--rate', '200');
    const first = await viewing.data();
    expect(first.domains).toEqual(['0004', '0047', '00ab', '00ff']);
    expect(first.queues.map(({ owner }) => owner)).toContain('Guest2');
    await expect
      .poll(async () => (await viewing.data()).queues.some(({ accepted }) => accepted > 10), {
        timeout: 20_000,
      })
      .toBe(true);
    const done = await viewing.act({ action: 'deconfigure', operands: ['06'] });
    expect(JSON.parse(done.text)).toEqual({ done: true, line: 'lpar deconfigure 06', told: '' });
    // The next look shows it.
    expect(stateOf(await viewing.data(), '06')).toBe('deconfigured');
    const refused = await viewing.act({ action: 'recover', operands: ['77'] });
    expect(JSON.parse(refused.text)).toMatchObject({
      done: false,
      told: 'lpar: recover 77: No such device',
    });
    expect((await viewing.act({ action: 'save', operands: ['x'] })).status).toBe(400);
    expect(await viewing.end()).toBe(130);
  }, 60_000);

  it.each([
    [['nowhere.yaml'], 3, 'cannot read configuration nowhere.yaml: ENOENT'],
    [[CONFIG, '--http', '70000'], 2, 'expected a port, 0 to 65535'],
    [[CONFIG, '--rate', 'Guest9=5'], 2, '--rate names the guest Guest9'],
  ])('%j ends with %i: %s', async (args, code, message) => {
    viewing = new Viewing(...args);
    expect((await viewing.ended).code).toBe(code);
    expect(viewing.io.errors).toContain(message);
  });
});

describe('apemu view SOCKET', () => {
  let socket: ShellSocket;
  let machine: Machine;
  const path = join(folder, 'shell');
  const open = async (): Promise<void> => {
    const recent = new RecentTrace();
    machine = await Machine.create(loadConfigFile(CONFIG).config, { onTrace: recent.take });
    socket = await openShellSocket(path, () => shellSession(machine, { trace: recent }));
  };
  const close = async (): Promise<void> => {
    await socket.close();
    machine.close();
  };

  it('shows the partition of the other apemu, and what was refused there', async () => {
    await open();
    const viewing = new Viewing(path);
    machine.guest('Guest1').cpu(0).tapq('05.0047');
    await expect
      .poll(async () => (await viewing.data()).refusals, { timeout: 20_000 })
      .toMatchObject([{ guest: 'Guest1', instruction: 'TAPQ', apqn: '05.0047', count: 1 }]);
    await viewing.act({ action: 'checkstop', operands: ['05'] });
    expect(machine.partition.isCheckstopped(5)).toBe(true);
    expect(await viewing.end()).toBe(130);
    await close();
  }, 60_000);

  it('ends with the reason when the other apemu ends', async () => {
    await open();
    const viewing = new Viewing(path);
    await viewing.address();
    await close();
    const { code, errors } = await viewing.ended;
    expect([code, errors]).toEqual([3, expect.stringContaining('apemu has ended')]);
  }, 60_000);

  it('an option for a configuration is refused', async () => {
    await open();
    const { code, errors } = await apemu(['view', path, '--seed', '1']);
    expect([code, errors]).toEqual([2, expect.stringContaining('--seed is for a configuration')]);
    await close();
  });
});
