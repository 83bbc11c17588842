// SPDX-License-Identifier: Apache-2.0
// `apemu qemu` as a user starts it: commands from a pipe, the administrator's shell on its socket, nothing left behind.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PartitionView } from '../../src/shell/partition-view.ts';
import { addressOf, hasChromium, WatchedBrowser } from '../view/browser.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const main = path('dist/src/cli/main.js');
const built = existsSync(main);
if (!built) console.info('skipped: apemu qemu as a command, dist is missing (npm run build)');

const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends a line to the shell and gives what it prints, without prompts. */
const administer = (socket: string, line: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = createConnection(socket).setEncoding('utf8');
    let text = '';
    client.on('data', (piece) => {
      text += piece;
      if (text.split('apemu> ').length > 2) client.end();
    });
    client.on('error', reject);
    client.on('close', () => resolve(text.replaceAll('apemu> ', '')));
    client.write(`${line}\n`);
  });

const chromium = hasChromium('the live page of a stock kernel');

/** The live page of what runs there: looked at in a Chromium where there is one, and an adapter deconfigured. */
const viewed = async (socket: string): Promise<void> => {
  const view = spawn(process.execPath, [main, 'view', socket]);
  const ended = new Promise((resolve) => view.once('close', resolve));
  try {
    const address = await addressOf(view);
    const action = { action: 'deconfigure', operands: ['06'] };
    if (chromium) await lookedAt(address);
    else
      await fetch(`${address}act`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(action),
      });
    const data = (await (await fetch(`${address}data`)).json()) as PartitionView;
    expect(data.guests).toContainEqual(
      expect.objectContaining({ name: 'Guest1', state: 'attached', program: 'under QEMU' }),
    );
    expect(data.adapters.map(({ state }) => state)).toEqual(['configured', 'deconfigured']);
  } finally {
    view.kill('SIGINT');
    expect(await ended).toBe(130);
  }
};

const lookedAt = async (address: string): Promise<void> => {
  const browser = await WatchedBrowser.launch();
  try {
    const page = await browser.page();
    await page.goto(address);
    const text = await page.getByRole('row', { name: /^Guest1 attached under QEMU/ }).textContent();
    expect(text).toContain('05 06');
    await page.getByRole('button', { name: /Deconfigure.*06/i }).click();
    await page.getByText('Done: lpar deconfigure 06').waitFor();
    expect(browser.wrong).toEqual([]);
  } finally {
    await browser.close();
  }
};

describe.skipIf(image === undefined || !built)('apemu qemu', () => {
  it('ends with code 1 and the reason when a guest has panicked', () => {
    const args = [main, 'qemu', path('examples/two-guests.yaml'), '--guest', 'Guest1'];
    const { status, stderr } = spawnSync(process.execPath, [...args, '--append', 'rdinit=/nope'], {
      encoding: 'utf8',
      timeout: 120_000,
      input: '',
    });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/Guest1: the guest has panicked/)]);
  });

  it('runs commands from a pipe, with the shell beside it, and ends with the guest', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-command-'));
    const socket = join(folder, 'shell');
    const args = [
      main,
      'qemu',
      path('examples/two-guests.yaml'),
      '--guest',
      'Guest1',
      '--shell',
      socket,
    ];
    const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder } });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let text = '';
    const shown = (mark: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const look = () => mark.test(text) && resolve();
        child.stdout.on('data', look);
        child.once('close', () => reject(new Error(`ended before ${mark}:\n${text}`)));
        look();
      });
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    try {
      child.stdin.write('lszcrypt; echo first-$((1 + 1))\n');
      await shown(/^first-2$/m);
      expect(text).toMatch(/^06\.00ab +CEX8A Accelerator online/m);
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      expect(await administer(socket, 'guest list')).toMatch(/^Guest1 +attached .* under QEMU$/m);
      await viewed(socket);
      child.stdin.write('echo 1 > /sys/bus/ap/scans; sleep 1; lszcrypt; echo second-$((1 + 1))\n');
      await shown(/^second-2$/m);
      expect(text).toMatch(/^06 +CEX8A Accelerator deconfig/m);
      child.stdin.write('poweroff -f\n');
      expect(await ended).toBe(0);
      // Standard input is still open: it does not keep the command.
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
