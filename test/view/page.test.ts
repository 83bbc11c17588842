// SPDX-License-Identifier: Apache-2.0
// 19.15: the live page of a partition in a real Chromium, by keyboard and as a screen reader gets it, narrow and dark.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, focusOf, hasChromium, layoutOf, WatchedBrowser } from './browser.ts';

const VIEW = ['dist/src/cli/main.js', 'view', 'examples/two-guests.yaml', '--rate', '300'];
const POLL = { timeout: 30_000 };

let view: ChildProcess;
let ended: Promise<number | null>;
let browser: WatchedBrowser;
let page: Page;
let address: string;

/** The texts of a cell of the matrix, a line each. */
const cell = async (row: string, column: number): Promise<string> => {
  const cells = page.getByRole('row', { name: new RegExp(`^${row} `) }).getByRole('cell');
  return (await cells.nth(column).locator('div').allTextContents()).join('\n').trimEnd();
};
const status = () => page.locator('#told').textContent();

describe.skipIf(!hasChromium('the page of a partition'))('the live page of a partition', () => {
  beforeAll(async () => {
    browser = await WatchedBrowser.launch();
    view = spawn(process.execPath, VIEW, { stdio: ['ignore', 'pipe', 'pipe'] });
    ended = new Promise((resolve) => view.once('exit', resolve));
    address = await addressOf(view);
    page = await browser.page();
    await page.goto(address);
    await page.waitForSelector('body[data-ready]');
  }, 120_000);
  afterAll(async () => {
    view.kill('SIGKILL');
    await browser.close();
  });

  it('is a table of adapters and domains: owner, state, depth and rate of each queue', async () => {
    const table = page.getByRole('table', { name: /^Adapters and usage domains/ });
    expect(await table.getByRole('columnheader').allTextContents()).toEqual([
      ...['Adapter', '0004', '0047', '00ab', '00ff'],
    ]);
    const first = await cell('05', 0);
    expect(first).toMatch(/^Guest1\n(?:idle|working)\n\d+ of \d+, [\d.,]+\/s$/);
    expect(await cell('05', 1)).toMatch(/^Guest2\n/);
    // The clock moves, and queues take messages at the rate that was asked for.
    const time = () => page.locator('#time').textContent();
    const before = await time();
    await expect.poll(time, POLL).not.toBe(before);
    await expect.poll(() => cell('05', 0), POLL).toMatch(/, [1-9][\d,.]*\/s$/);
  }, 60_000);

  it('shows guests with their masks, mdevs, and how instructions ended', async () => {
    const guests = page.getByRole('table', { name: /^What each guest can reach/ });
    const guest1 = guests.getByRole('row', { name: /^Guest1/ });
    expect(await guest1.getByRole('cell').allTextContents()).toEqual([
      'running',
      'ap-bus',
      expect.stringMatching(/^[0-9a-f-]{36}$/),
      '05 06',
      '0004 00ab',
      expect.any(String),
    ]);
    const mdevs = page.getByRole('table', { name: 'What is assigned to each' });
    expect(await mdevs.getByRole('row').count()).toBeGreaterThanOrEqual(3);
    const refused = page.getByRole('table', { name: 'The newest first' });
    await expect.poll(() => refused.textContent(), POLL).toMatch(/RC 02 RESET_IN_PROGRESS.*TAPQ/);
  }, 60_000);

  it('a fault is declared by its form, strikes, and is cleared', async () => {
    const form = page.getByRole('form', { name: 'Declare a fault' });
    await form.getByLabel('Queue').selectOption('05.0004');
    await form.getByLabel('Instruction').selectOption('nqap');
    await form.getByLabel('Response code').fill('10');
    await form.getByLabel('Times').fill('3');
    await form.getByRole('button', { name: 'Declare the fault' }).click();
    const faults = page.getByRole('table', { name: 'Faults that were declared' });
    await expect
      .poll(() => faults.getByRole('row').nth(1).locator('th, td').allTextContents(), POLL)
      .toEqual(['05.0004 on=nqap rc=10 count=3', '3', 'ended']);
    await page.getByRole('button', { name: 'Clear all faults' }).click();
    await expect.poll(() => page.locator('#faults tbody tr').count(), POLL).toBe(0);
  }, 90_000);

  it('an adapter is deconfigured and configured by keyboard; the button keeps the focus and says what it does now', async () => {
    await page.getByRole('button', { name: 'Deconfigure adapter 05' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(status, POLL).toBe('Done: lpar deconfigure 05');
    await expect.poll(() => cell('05', 0), POLL).toMatch(/\ndeconfigured\n/);
    await expect.poll(() => focusOf(page), POLL).toBe('Configure adapter 05');
    expect(await page.locator('#changes').textContent()).toBe('adapter 05 is deconfigured');
    await page.keyboard.press('Enter');
    await expect.poll(() => cell('05', 0), POLL).not.toMatch(/deconfigured/);
  }, 90_000);

  it('a checkstop is shown where it is, and ends', async () => {
    await page.getByRole('button', { name: 'Checkstop adapter 06' }).click();
    await expect.poll(() => cell('06', 0), POLL).toMatch(/\ncheckstopped\n/);
    await page.getByRole('button', { name: 'Recover adapter 06' }).click();
    await expect.poll(() => cell('06', 0), POLL).not.toMatch(/checkstopped/);
  }, 90_000);

  it('stands still for who reads, and goes on', async () => {
    const pause = page.getByRole('button', { name: 'Pause the page' });
    await pause.click();
    expect(await pause.getAttribute('aria-pressed')).toBe('true');
    await pause.click();
    const before = await page.locator('#time').textContent();
    await expect.poll(() => page.locator('#time').textContent(), POLL).not.toBe(before);
  }, 60_000);

  it.each([
    ['a narrow screen', { viewport: { width: 420, height: 800 } }],
    ['a dark one', { colorScheme: 'dark', viewport: { width: 1100, height: 800 } }],
  ] as const)(
    'fits %s: nothing is wider than the page, texts have contrast',
    async (_what, options) => {
      const other = await browser.page(options);
      await other.goto(address);
      await other.waitForSelector('body[data-ready]');
      const { width, window, contrast } = await layoutOf(other);
      expect(width).toBeLessThanOrEqual(window);
      expect(contrast).toBeGreaterThanOrEqual(4.5);
      await other.close();
    },
    60_000,
  );

  it('every field and button has a name, and nothing outside was asked for', async () => {
    expect((await layoutOf(page)).nameless).toBe(0);
    expect(browser.wrong).toEqual([]);
  });

  it('says when apemu has ended', async () => {
    view.kill('SIGINT');
    expect(await ended).toBe(130);
    await expect.poll(() => page.getByRole('alert').isVisible(), POLL).toBe(true);
  }, 60_000);
});
