// SPDX-License-Identifier: Apache-2.0
// Commands of README and docs: those in virtual time are executed as they stand and give what the page shows; all others are listed with the
// reason and the test that has them, and command and options are there. Pages have tests of their own too: docs/shell.md, docs/fuzzing.md, docs/ci.md; test/linux has those that boot Linux.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from './fake-io.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

interface Shown {
  readonly page: string;
  /** What is typed. */
  readonly command: string;
  /** Where, relative to the folder the examples are in. */
  readonly directory: string;
  /** What the page shows of its output. */
  readonly output: readonly string[];
}

/** Commands behind a prompt, each with the lines up to the next prompt or the end of its block. */
const shownOn = (page: string): Shown[] => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```\w*\n(.*?)^```$/gms)].flatMap(([, block = '']) => {
    let directory = '.';
    return block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...output] = part.trimEnd().split('\n');
        // What follows `cd` in a block happens there.
        directory = /^cd (\S+)$/.exec(command)?.[1] ?? directory;
        return { page, command, directory, output: output.filter((line) => line !== '') };
      })
      .filter(({ command }) => command.includes('apemu '));
  });
};

const ALL = PAGES.flatMap(shownOn);
/** In virtual time the same input gives the same output, whatever the computer. */
const isVirtual = ({ command }: Shown): boolean =>
  /^apemu (exec |run .*(--stepped|--sweep)|report |shell .* -c |explain )/.test(command);
const VIRTUAL = ALL.filter(isVirtual);

/** All others: why they are not executed here, and the test that executes them or their like. */
const ELSEWHERE: readonly (readonly [command: RegExp, why: string, test: string])[] = [
  [/\bapemu qemu /, 'boots Linux under QEMU', 'test/linux'],
  [/^apemu test examples/, 'boots Linux for its guest runs', 'test/cli/test-command.test.ts'],
  [/ --queue /, 'needs a Redis', 'test/campaign/campaign.test.ts'],
  [/^apemu fuzz .*\.wasm/, 'needs clang', 'test/c-driver'],
  [/^apemu cc /, 'needs clang', 'test/c-driver'],
  [/^apemu fuzz --replay /, 'replays what the tutorial found', 'test/fuzz/tutorial.test.ts'],
  [/^apemu fuzz .*--driver driver\.ts/, 'is the tutorial', 'test/fuzz/tutorial.test.ts'],
  [/^apemu run .*--hot-plug/, 'takes half a minute of real time', 'test/pool'],
];

const folder = mkdtempSync(join(tmpdir(), 'apemu-docs-'));
symlinkSync(join(ROOT, 'examples'), join(folder, 'examples'));
cpSync(join(ROOT, 'examples/two-guests.yaml'), join(folder, 'two-guests.yaml'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files the pages show with `cat`. */
for (const page of PAGES)
  for (const [, name = '', text = ''] of readFileSync(join(ROOT, page), 'utf8').matchAll(
    /^\$ cat (\w[\w.-]*)\n(.*?)(?=^\$ |^```$)/gms,
  ))
    writeFileSync(join(folder, name), `${text.trimEnd()}\n`);

const outputOf = ({ command, directory }: Shown): string[] => {
  const script = `apemu() { '${process.execPath}' '${MAIN}' "$@"; }\ncd '${directory}'\n${command}\n`;
  const { stdout } = spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
};

describe('commands of the pages', () => {
  it('are there to look at', () => {
    expect(ALL.length).toBeGreaterThanOrEqual(12);
    expect(VIRTUAL.length).toBeGreaterThanOrEqual(5);
  });

  it.each(ALL.filter((shown) => !isVirtual(shown)).map(({ page, command }) => [page, command]))(
    '%s: %s is executed by another test, for a reason',
    (_page, command) => {
      const [, why, test] = ELSEWHERE.find(([pattern]) => pattern.test(command)) ?? [];
      expect(why, `why is ${command} not executed`).toBeDefined();
      expect(existsSync(join(ROOT, test ?? 'nowhere')), test).toBe(true);
    },
  );

  it.each(VIRTUAL.map((shown) => [shown.page, shown.command, shown] as const))(
    '%s: %s gives what is shown',
    (_page, _command, shown) => {
      const { output } = shown;
      const real = outputOf(shown);
      let from = 0;
      let gap = false;
      for (const line of output) {
        if (line === '...') gap = true;
        else {
          const at = real.indexOf(line.trimEnd(), from);
          expect(at, `${line}\nis not in\n${real.slice(from).join('\n')}`).toBeGreaterThanOrEqual(
            0,
          );
          if (!gap) expect(at, `before ${line}`).toBe(from);
          from = at + 1;
          gap = false;
        }
      }
    },
  );

  it.each(ALL.map(({ page, command }) => [page, command] as const))(
    '%s: %s names a command and options that there are',
    async (_page, line) => {
      for (const [, command = '', words = ''] of line.matchAll(
        /apemu (?!COMMAND)([a-z-]+)([^|;]*)/g,
      )) {
        const { code, output } = await apemu([command, '--help']);
        expect(code, command).toBe(0);
        for (const [option] of words.matchAll(/(?<= )--[a-z][a-z-]*/g))
          expect(output).toContain(option);
      }
    },
  );
});
