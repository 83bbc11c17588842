// SPDX-License-Identifier: Apache-2.0
// Makes docs/images/fuzz.png, the README's picture: which codes a driver has met where, on the page of a campaign in Chromium.
// `node scripts/fuzz-picture.js [CASES]` after `npm run build`; CHROMIUM names another browser than /usr/bin/chromium.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PICTURE = join(ROOT, 'docs/images/fuzz.png');
const SIZE = { width: 1100, height: 720 };
const [cases = '4000'] = process.argv.slice(2);

const out = mkdtempSync(join(tmpdir(), 'apemu-picture-'));
const fuzz = ['dist/src/cli/main.js', 'fuzz', 'examples/fuzzing/machine.yaml'];
const options = ['--driver', 'examples/fuzzing/driver.ts', '--cases', cases, '--out', out];
try {
  execFileSync(process.execPath, [...fuzz, ...options], { cwd: ROOT, stdio: 'ignore' });
} catch (error) {
  // Exit code 1: it has found something, as it should.
  if (error.status !== 1) throw error;
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
});
const page = await browser.newPage({ viewport: SIZE });
await page.goto(pathToFileURL(join(out, 'report.html')).href);
await page.waitForSelector('body[data-ready]');
await page.locator('#grid td.met').nth(20).click();
await page.locator('h2', { hasText: 'Architected' }).evaluate((head) => {
  head.scrollIntoView();
});
await page.screenshot({ path: PICTURE });
await browser.close();
rmSync(out, { recursive: true });
