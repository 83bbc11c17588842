// SPDX-License-Identifier: Apache-2.0
// Makes pictures of the README in Chromium: docs/images/view.png, the live page of a partition, and docs/images/load.png, the page of a load.
// `node scripts/pictures.js [view|load] [--width N] [--dark] [--out FOLDER]` after `npm run build`; CHROMIUM names another browser than
// /usr/bin/chromium.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    width: { type: 'string', default: '1100' },
    height: { type: 'string', default: '720' },
    dark: { type: 'boolean', default: false },
    out: { type: 'string', default: join(ROOT, 'docs/images') },
  },
});

/** The live page of two guests, one of whose adapters has just been taken away. */
const view = async (page) => {
  const options = ['view', 'examples/two-guests.yaml', '--rate', '900'];
  const child = spawn(process.execPath, [MAIN, ...options], { cwd: ROOT, stdio: 'pipe' });
  try {
    for await (const line of createInterface({ input: child.stderr }))
      if (line.startsWith('http://')) {
        await page.goto(line);
        break;
      }
    await page.waitForSelector('body[data-ready]');
    await page.getByLabel('Response code').fill('10');
    await page.getByLabel('Times').fill('100');
    await page.getByRole('button', { name: 'Declare the fault' }).click();
    await page.locator('#faults tbody tr').waitFor();
    // Rates need two looks, and the fault some messages.
    await page.waitForFunction(() =>
      document.querySelector('#faults tbody')?.textContent?.includes('ended'),
    );
    await page.getByRole('button', { name: 'Deconfigure adapter 06' }).click();
    await page.locator('.off', { hasText: 'deconfigured' }).first().waitFor();
    await page.evaluate(() => {
      document.activeElement?.blur();
      scrollTo(0, 0);
    });
    await page.screenshot({ path: join(resolve(values.out), 'view.png') });
  } finally {
    child.kill('SIGINT');
  }
};

/** The page of a load near what the adapters carry. */
const load = async (page) => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-picture-'));
  const html = join(folder, 'load.html');
  const run = ['run', 'examples/load.yaml', '--stepped', '--rate', '24000', '--html', html];
  execFileSync(process.execPath, [MAIN, ...run], { cwd: ROOT, stdio: 'ignore' });
  await page.goto(pathToFileURL(html).href);
  await page.locator('.uplot').first().waitFor();
  await page
    .locator('h2')
    .first()
    .evaluate((head) => head.scrollIntoView());
  await page.screenshot({ path: join(resolve(values.out), 'load.png') });
  rmSync(folder, { recursive: true });
};

const PICTURES = { view, load };
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
});
try {
  for (const name of positionals.length === 0 ? Object.keys(PICTURES) : positionals) {
    const page = await browser.newPage({
      viewport: { width: Number(values.width), height: Number(values.height) },
      colorScheme: values.dark ? 'dark' : 'light',
    });
    await PICTURES[name](page);
    await page.close();
  }
} finally {
  await browser.close();
}
