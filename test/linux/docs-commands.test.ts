// SPDX-License-Identifier: Apache-2.0
// Commands of the pages that boot Linux (docs/linux.md, docs/ci.md), executed as they stand: what is typed in the guest and at the administrator's
// shell too. Numbers are not compared.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  expectLike,
  linesOf,
  MAIN,
  ROOT,
  type Shown,
  shownOn,
  textOf,
} from '../cli/shown-commands.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
const built = existsSync(MAIN);
if (!built) console.info('skipped: commands of the pages, dist is missing (npm run build)');

const folder = mkdtempSync(join(tmpdir(), 'apemu-docs-linux-'));
symlinkSync(join(ROOT, 'examples'), join(folder, 'examples'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shown = (page: string, pattern: RegExp): Shown => {
  const found = shownOn(page).find(({ command }) => pattern.test(command));
  if (found === undefined) throw new Error(`${page} shows no ${pattern}`);
  return found;
};

const inBash = (command: string): string =>
  `apemu() { '${process.execPath}' '${MAIN}' "$@"; }\n${command}\n`;

/** Executes commands of a page one after the other. */
const outputOf = (commands: readonly string[], input = ''): string[] => {
  const { stdout } = spawnSync('bash', ['-c', inBash(commands.join('\n'))], {
    cwd: folder,
    encoding: 'utf8',
    input,
    timeout: 280_000,
  });
  return linesOf(stdout.replaceAll('\r', ''));
};

/** What the page shows behind a prompt of the guest or of the shell, with what follows up to the end of the block. */
const typedAt = (prompt: string, command: string): readonly string[] => {
  const text = textOf('docs/linux.md');
  const from = text.indexOf(`\n${prompt} ${command}`);
  if (from < 0) throw new Error(`docs/linux.md shows no ${prompt} ${command}`);
  const [, ...output] = text.slice(from + 1, text.indexOf('\n```', from)).split('\n');
  return output.filter((line) => !line.startsWith(prompt));
};

describe.skipIf(image === undefined || !built)('docs/linux.md', () => {
  const page = 'docs/linux.md';

  it('commands of a guest on the terminal, and the operator beside it', async () => {
    const socket = join(folder, 'ap.sock');
    const { command } = shown(page, /--shell/);
    const words = command.replace('/tmp/ap.sock', socket).split(' ').slice(1);
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    /** What the guest prints for a command. */
    const guest = async (line: string, mark: string): Promise<string[]> => {
      const from = text.length;
      child.stdin.write(`${line}; echo ${mark}-$((1 + 1))\n`);
      await expect.poll(() => text.slice(from), { timeout: 120_000 }).toMatch(`${mark}-2`);
      return linesOf(text.slice(from).replaceAll('\r', ''));
    };
    const operator = (line: string): string[] =>
      linesOf(
        spawnSync(process.execPath, [MAIN, 'shell', '--connect', socket, '-c', line], {
          encoding: 'utf8',
        }).stdout,
      );
    try {
      expectLike(['...', ...typedAt('/ #', 'lszcrypt -V')], await guest('lszcrypt -V', 'first'));
      operator('lpar deconfigure 6');
      expectLike(typedAt('apemu>', 'lpar deconfigure 6'), operator('guest list'));
      const scan = 'echo 1 > /sys/bus/ap/scans; sleep 1; lszcrypt';
      expectLike(
        ['...', ...typedAt('/ #', 'echo 1 > /sys/bus/ap/scans; lszcrypt')],
        await guest(scan, 'second'),
      );
      child.stdin.write('poweroff -f\n');
      expect(await ended).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it.each([/^printf/, /--run /])('%s', (pattern) => {
    const { command, output } = shown(page, pattern);
    expectLike(output, outputOf([command]));
  });

  it('what a trace shows', () => {
    const commands = [shown(page, /--trace/).command, "grep -n 'AQIC\\|NQAP' boot.txt"];
    const typed = outputOf(commands, 'sleep 1; poweroff -f\n');
    // Which queue comes first is a matter of the moment.
    for (const what of ['AQIC 05.0004 cc=0 rc=00 E---', 'NQAP 05.0004 cc=0 rc=00 ---I'])
      expect([typed.join('\n'), textOf(page)]).toEqual([
        expect.stringContaining(what),
        expect.stringContaining(what),
      ]);
  });
});

describe.skipIf(image === undefined || !built)('docs/ci.md', () => {
  it('the examples as tests', () => {
    const { command, output } = shown('docs/ci.md', /^apemu test examples/);
    // Those that take a second have it behind them.
    const untimed = (lines: readonly string[]) =>
      lines.map((line) => line.replace(/ +\(\S+ s\)$/, ''));
    const real = outputOf([command]);
    expectLike(untimed(output), untimed(real));
    const countOf = (lines: readonly string[]) => /^\d+ tests/.exec(lines.at(-1) ?? '')?.[0];
    expect(countOf(output)).toBe(countOf(real));
  });
});
