// SPDX-License-Identifier: Apache-2.0
// A real Chromium for the tests of pages: what they ask for outside this computer, and what goes wrong in them, is kept.

import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is one; says so where there is none. */
export const hasChromium = (what: string): boolean => {
  const present = existsSync(CHROMIUM);
  if (!present) process.stderr.write(`no ${CHROMIUM}: ${what} is not looked at\n`);
  return present;
};

export class WatchedBrowser {
  /** Mistakes of pages, and addresses that are not this computer's. */
  readonly wrong: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<WatchedBrowser> {
    return new WatchedBrowser(await chromium.launch({ executablePath: CHROMIUM }));
  }

  async page(options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
    const page = await this.#browser.newPage(options);
    page.on('pageerror', (error) => this.wrong.push(error.message));
    page.on('console', (message) => {
      // Who stops apemu on purpose sees its page lose the connection.
      if (message.type() === 'error' && !/ERR_CONNECTION/.test(message.text()))
        this.wrong.push(message.text());
    });
    page.on('request', (request) => {
      if (!/^(?:file:|data:|http:\/\/127\.0\.0\.1[:/])/.test(request.url()))
        this.wrong.push(request.url());
    });
    return page;
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** The address a command prints when its page is there. */
export const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const found = /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/m.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.once('exit', () => reject(new Error(`it ended without an address: ${text}`)));
  });

/** Runs in a page: the contrast of the text that is hardest to read, by Web Content Accessibility Guidelines 1.4.3. */
const CONTRAST = `(() => {
  const light = (colour) => {
    const parts = (/\\d+, \\d+, \\d+/.exec(colour) ?? ['0, 0, 0'])[0].split(', ').map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const backOf = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return light(colour);
    }
    return 1;
  };
  const texts = [...document.querySelectorAll('body *')].filter(
    (element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ''),
  );
  return Math.min(...texts.map((element) => {
    const [text, back] = [light(getComputedStyle(element).color), backOf(element)];
    return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  }));
})()`;

/** Fields, buttons and tables a screen reader would have no name for. */
const NAMELESS = `[...document.querySelectorAll('button, input, select, table')].filter((element) =>
  (element.getAttribute('aria-label') ?? element.textContent).trim() === '' && element.closest('label') === null).length`;

/** How a page is laid out: its width and that of the window, the lowest contrast of a text, elements without a name. */
export const layoutOf = async (page: Page) => ({
  width: Number(await page.evaluate('document.documentElement.scrollWidth')),
  window: Number(await page.evaluate('innerWidth')),
  contrast: Number(await page.evaluate(CONTRAST)),
  nameless: Number(await page.evaluate(NAMELESS)),
});

/** What the element that has the focus is called. */
export const focusOf = (page: Page): Promise<unknown> =>
  page.evaluate("document.activeElement.getAttribute('aria-label')");

/** Runs in a page: how many colours each plot has beside the greys of axes and grid. */
const COLOURS = `[...document.querySelectorAll('.uplot canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let n = 0; n < data.length; n += 4) {
    const [red, green, blue, opacity] = data.subarray(n, n + 4);
    if (opacity < 200 || Math.max(red, green, blue) - Math.min(red, green, blue) < 60) continue;
    colours.add([red, green, blue].map((part) => part >> 5).join());
  }
  return colours.size;
})`;

export const coloursOf = (page: Page): Promise<number[]> => page.evaluate(COLOURS);
