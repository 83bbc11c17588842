// SPDX-License-Identifier: Apache-2.0
// The page of a campaign in a real Chromium: live while the campaign runs, and as the file that is left of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, hasChromium, layoutOf, WatchedBrowser } from '../view/browser.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-page-'));
const FUZZ = [
  'dist/src/cli/main.js',
  'fuzz',
  'examples/fuzzing/machine.yaml',
  '--driver',
  'examples/fuzzing/driver.ts',
  '--workers',
  '1',
  '--out',
  folder,
];

let campaign: ChildProcess;
let ended: Promise<number | null>;
let browser: WatchedBrowser;
let page: Page;

/** What a user does with either page. */
const lookAt = async (one: Page): Promise<void> => {
  await one.waitForSelector('body[data-ready]');
  const cell = one.locator('#grid td.met').first();
  await cell.click();
  const scenario = await one.locator('#scenario pre').textContent();
  expect(scenario, 'the scenario that reached a cell').toMatch(/^(?:user:|on |at |idle)/m);
  expect(await one.locator('#grid td.none').count(), 'cells nobody has met').toBeGreaterThan(0);
  expect(await one.locator('#plot polyline').count(), 'coverage over time').toBe(3);
  expect(await one.locator('#stats').textContent()).toMatch(/cases a second/);
};

describe.skipIf(!hasChromium('the page of a campaign'))('the page of a campaign', () => {
  beforeAll(async () => {
    browser = await WatchedBrowser.launch();
    campaign = spawn(process.execPath, [...FUZZ, '--cases', '1000000', '--http']);
    ended = new Promise((resolve) => campaign.once('exit', resolve));
    page = await browser.page();
    await page.goto(await addressOf(campaign));
  }, 120_000);
  afterAll(async () => {
    campaign.kill('SIGKILL');
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  it('is live: figures move, a cell shows its scenario, findings come', async () => {
    await lookAt(page);
    const cases = (): Promise<string | null> => page.locator('#stats tr td').nth(1).textContent();
    const before = await cases();
    await expect.poll(cases, { timeout: 60_000 }).not.toBe(before);
    await page.waitForSelector('#findings details', { timeout: 60_000 });
  }, 180_000);

  it('is left as one file: findings with scenario and trace, lines that were not reached', async () => {
    campaign.kill('SIGINT');
    expect([1, 130]).toContain(await ended);
    const file = await browser.page();
    await file.goto(pathToFileURL(join(folder, 'report.html')).href);
    await lookAt(file);
    await file.locator('#findings summary').first().click();
    expect(await file.locator('#findings details[open]').textContent()).toMatch(/Expected: /);
    await file.locator('#files summary').first().click();
    expect(await file.locator('#files summary').first().textContent()).toMatch(
      /driver\.ts: \d+ lines not reached/,
    );
    expect(await file.locator('#files .missed').first().textContent()).toMatch(/^\s*\d+ {2}/);
    const narrow = await browser.page({ viewport: { width: 420, height: 800 } });
    await narrow.goto(pathToFileURL(join(folder, 'report.html')).href);
    await narrow.waitForSelector('body[data-ready]');
    const { width, window } = await layoutOf(narrow);
    expect(width, 'the page is no wider than a telephone').toBeLessThanOrEqual(window);
    expect(browser.wrong).toEqual([]);
  }, 60_000);
});
