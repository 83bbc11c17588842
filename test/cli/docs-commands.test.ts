// SPDX-License-Identifier: Apache-2.0
// Commands of README and docs: executed as they stand, with what the page shows of their output; the rest is listed with the reason and the test
// that executes it. Commands and options in the text are there, too. What boots Linux is in test/linux/docs-commands.test.ts.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canCompile } from '../c-driver/clang.ts';
import { addressOf } from '../view/browser.ts';
import { apemu } from './fake-io.ts';
import {
  expectLike,
  expectShown,
  linesOf,
  MAIN,
  PAGES,
  ROOT,
  type Shown,
  shownOn,
  textOf,
} from './shown-commands.ts';

const ALL = PAGES.flatMap(shownOn);

/**
 * exact: in virtual time the same input gives the same output, whatever the computer. masked: numbers differ. runs: the page shows no output.
 * page: serves a page until it is interrupted.
 */
type How = 'exact' | 'masked' | 'runs' | 'page';

const EXECUTED: readonly (readonly [command: RegExp, how: How])[] = [
  [
    /^apemu (?:exec |run .*(?:--stepped|--sweep)|report |shell (?!--connect).* -c |explain )/,
    'exact',
  ],
  [/^apemu golden --compare --kernel linux-/, 'masked'],
  [/^apemu cc /, 'masked'],
  [/^apemu run .*--hot-plug/, 'masked'],
  [/^apemu shell (?!--connect)/, 'runs'],
  [/^apemu doctor/, 'runs'],
  [/^apemu view examples/, 'page'],
];

/** All others: why they are not executed here, and the test that executes them or their like. */
const ELSEWHERE: readonly (readonly [command: RegExp, why: string, test: string])[] = [
  [/^npm (?:ci|install)/, 'brings packages', '.ci/run'],
  [/^npm run attack/, 'goes on for as long as it is told', 'test/attack/attacks.test.ts'],
  [/^npm run demo:linux/, 'boots Linux under QEMU', 'test/linux/partition.test.ts'],
  [/^npm run demo:shared/, 'boots Linux under QEMU', 'test/linux/virtual.test.ts'],
  [/^apemu bench/, 'takes minutes of a computer of its own', 'test/bench/smoke.test.ts'],
  [/^apemu qemu CONFIG --kernel/, 'stands for many', 'test/linux/run.test.ts'],
  [/^apemu qemu .*--attach/, 'needs a QEMU of one’s own', 'test/linux/foreign-qemu.test.ts'],
  [/^apemu qemu .*two-hosts/, 'boots and moves guests', 'test/linux/migration.test.ts'],
  [/\bapemu qemu /, 'boots Linux under QEMU', 'test/linux/docs-commands.test.ts'],
  [/^apemu test examples/, 'has a guest run', 'test/linux/docs-commands.test.ts'],
  [/^apemu view \/tmp/, 'needs an apemu that runs', 'test/linux/command.test.ts'],
  [/^apemu shell --connect/, 'needs an apemu that runs', 'test/cli/shell-connect.test.ts'],
  [/^apemu guest-image/, 'fetches packages', 'scripts/pack-test.js'],
  [/^apemu golden .*--kernel bzImage/, 'needs a kernel', 'test/linux/recorder.test.ts'],
  [/^apemu fuzz .*--kernel/, 'boots Linux under QEMU', 'test/linux/kernel-fuzz.test.ts'],
  [/ --queue /, 'needs a Redis', 'test/campaign/campaign.test.ts'],
  [/^apemu fuzz .*\.wasm/, 'goes on for ever', 'test/c-driver/found.test.ts'],
  [/^apemu fuzz /, 'is the tutorial', 'test/fuzz/tutorial.test.ts'],
];

const howOf = ({ command }: Shown): How | undefined =>
  EXECUTED.find(([pattern]) => pattern.test(command))?.[1];

const folder = mkdtempSync(join(tmpdir(), 'apemu-docs-'));
// What they write is not to be in the examples.
cpSync(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
cpSync(join(ROOT, 'examples/two-guests.yaml'), join(folder, 'two-guests.yaml'));
writeFileSync(join(folder, 'script.sh'), 'echo "script: $1 $2"\n');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files the pages show with `cat`. */
for (const page of PAGES)
  for (const [, name = '', text = ''] of textOf(page).matchAll(
    /^\$ cat (\w[\w.-]*)\n(.*?)(?=^\$ |^```$)/gms,
  ))
    writeFileSync(join(folder, name), `${text.trimEnd()}\n`);

/** Words that stand for something, and times that would be long. */
const filledIn = (command: string): string =>
  command
    .replace(/\bCONFIG\b/, 'examples/two-guests.yaml')
    .replace('--duration 30s', '--duration 1s');

/** Longest time of a command, milliseconds: one that waits for ever would take all of the tests with it. */
const COMMAND_MS_MAX = 120_000;

const outcomeOf = ({ command, directory }: Shown) => {
  const script = `apemu() { '${process.execPath}' '${MAIN}' "$@"; }\ncd '${directory}'\n${filledIn(command)}\n`;
  return spawnSync('bash', ['-c', script], {
    cwd: folder,
    encoding: 'utf8',
    timeout: COMMAND_MS_MAX,
    input: 'echo "typed: $((2 + 3))"\n',
  });
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const rowsOf = (how: How) =>
  ALL.filter((shown) => howOf(shown) === how).map(
    (shown) => [shown.page, shown.command, shown] as const,
  );

describe('commands of the pages', () => {
  it('are there to look at, and most are executed', () => {
    expect(ALL.length).toBeGreaterThanOrEqual(55);
    expect(ALL.filter((shown) => howOf(shown) !== undefined).length).toBeGreaterThanOrEqual(25);
  });

  it.each(
    ALL.filter((shown) => howOf(shown) === undefined).map(({ page, command }) => [page, command]),
  )('%s: %s is executed by another test, for a reason', (_page, command) => {
    const [, why, test] = ELSEWHERE.find(([pattern]) => pattern.test(command)) ?? [];
    expect(why, `why is ${command} not executed`).toBeDefined();
    expect(existsSync(join(ROOT, test ?? 'nowhere')), test).toBe(true);
  });

  it('no reason is left over', () => {
    const rest = ALL.filter((shown) => howOf(shown) === undefined);
    const used = ({ command }: Shown) => ELSEWHERE.find(([pattern]) => pattern.test(command));
    expect(ELSEWHERE.filter((row) => !rest.some((shown) => used(shown) === row))).toEqual([]);
  });

  it.each(rowsOf('exact'))('%s: %s gives what is shown', (_page, _command, shown) => {
    expectShown(shown.output, linesOf(outcomeOf(shown).stdout));
  });

  const compiles = canCompile();
  it.each(rowsOf('masked').filter(([, command]) => compiles || !command.startsWith('apemu cc')))(
    '%s: %s gives what is shown, but for its numbers',
    (_page, _command, shown) => {
      const { stdout, stderr } = outcomeOf(shown);
      expectLike(shown.output, linesOf(`${stdout}${stderr}`));
    },
  );

  it.each(rowsOf('runs'))('%s: %s runs', (_page, command, shown) => {
    const { status, stdout, stderr } = outcomeOf(shown);
    // What is missing on this computer is what apemu doctor is for.
    expect(command.startsWith('apemu doctor') ? [0, 1] : [0], stderr).toContain(status);
    if (/^apemu shell (?!.* -c )/.test(command))
      expect(stdout).toMatch(command.includes('script.sh') ? /script: a b/ : /typed: 5/);
    else expect(stdout).not.toBe('');
  });

  it.each(rowsOf('page'))('%s: %s serves its page until it is interrupted', async (_page, line) => {
    const words = line
      .replace('8080', String(await freePort()))
      .split(' ')
      .slice(1);
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const response = await fetch(await addressOf(child));
    expect(await response.text()).toContain('<title>');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});

describe('commands and options', () => {
  const help = new Map<string, Promise<{ code: number; output: string }>>();
  const helpOf = (command: string): Promise<{ code: number; output: string }> => {
    const known = help.get(command) ?? apemu([command, '--help']);
    help.set(command, known);
    return known;
  };

  const expectThere = async (line: string): Promise<void> => {
    for (const [, command = '', words = ''] of line.matchAll(
      /apemu (?!COMMAND)([a-z-]+)([^|;`]*)/g,
    )) {
      const { code, output } = await helpOf(command);
      expect(code, command).toBe(0);
      // Behind -- there are those of QEMU.
      const [own = ''] = words.split(' -- ');
      for (const [option] of own.matchAll(/(?<= )--[a-z][a-z-]*/g))
        expect(output, line).toMatch(new RegExp(`${option}(?![a-z-])`));
    }
  };

  it.each(ALL.map(({ page, command }) => [page, command] as const))(
    '%s: those of %s are there',
    async (_page, line) => await expectThere(line),
  );

  it.each(PAGES)('those in the text of %s are there', async (page) => {
    const text = textOf(page).replaceAll(/^```.*?^```$/gms, '');
    for (const [, line = ''] of text.matchAll(/`(apemu [a-z][^`]*)`/g)) await expectThere(line);
  });
});
