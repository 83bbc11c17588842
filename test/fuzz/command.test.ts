// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz CONFIG --driver MODULE`: campaigns, findings, resuming, replays, the page, what is refused.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';
import { filesBelow } from './campaign-files.ts';

const CONFIG = 'examples/fuzzing/machine.yaml';
const DRIVER = 'examples/fuzzing/driver.ts';
const folder = mkdtempSync(join(tmpdir(), 'apemu-campaign-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fuzz = (out: string, cases: number, ...more: string[]) =>
  apemu([
    'fuzz',
    CONFIG,
    '--out',
    join(folder, out),
    '--cases',
    String(cases),
    '--workers',
    '1',
    ...more,
  ]);

/** Corpus and findings, file by file. */
const contentOf = (out: string): Record<string, string> =>
  filesBelow(join(folder, out, 'corpus'), join(folder, out, 'findings'));

describe('a campaign', () => {
  it('finds what the example driver forgets, and writes a folder a user can work with', async () => {
    const { code, output, errors } = await fuzz('first', 500, '--driver', DRIVER);
    expect(errors).toMatch(/^finding progress-\w{8}: .*sleeps for ever|waits for an interruption/m);
    expect(code).toBe(1);
    expect(output).toMatch(/500 cases: \d findings? in /);
    const found = readdirSync(join(folder, 'first', 'findings'));
    const texts = found.map((id) =>
      readFileSync(join(folder, 'first', 'findings', id, 'scenario.ap'), 'utf8'),
    );
    expect(texts.join('')).toContain('on nqap #1: rc=05\n');
    const id = found.find((name) => name.startsWith('progress')) ?? 'none';
    const files = readdirSync(join(folder, 'first', 'findings', id)).sort();
    expect(files).toEqual([
      'description.txt',
      'faults.yaml',
      'machine.yaml',
      `${id}.test.ts`,
      'scenario.ap',
      'trace.txt',
    ]);
    expect(readdirSync(join(folder, 'first')).sort()).toEqual([
      'corpus',
      'findings',
      'machine.yaml',
      'plot.ndjson',
      'report.html',
      'state.json',
      'stats.json',
    ]);
  });

  it('replays findings as tests, with JUnit XML', async () => {
    const junit = join(folder, 'results.xml');
    const { code, output } = await apemu([
      'fuzz',
      '--replay',
      join(folder, 'first', 'findings'),
      '--junit',
      junit,
    ]);
    expect(code).toBe(1);
    expect(output).toMatch(/scenario\.ap: progress: it waits for an interruption/);
    expect(readFileSync(junit, 'utf8')).toMatch(
      /<testsuite name="apemu fuzz" tests="(\d+)" failures="\1"/,
    );
    const corpus = await apemu([
      'fuzz',
      '--replay',
      join(folder, 'first', 'findings'),
      '--without',
      'progress,ends-once,recovers,leaks',
    ]);
    expect([corpus.code, corpus.output]).toEqual([0, expect.stringContaining('every rule holds')]);
  });

  it('is the same for the same seed, and when it is stopped in between', async () => {
    await fuzz('second', 140, '--driver', DRIVER);
    await fuzz('third', 3, '--driver', DRIVER);
    const { errors } = await fuzz('third', 140, '--driver', DRIVER, '--workers', '2');
    expect(errors).toContain('going on after 3 cases');
    expect(contentOf('third')).toEqual(contentOf('second'));
  });
});

describe('what cannot be fuzzed', () => {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it.each([
    [
      'a driver that throws when it is loaded',
      'throws.mjs',
      'throw new Error("no card");',
      'APEMU_ERR_DRIVER_LOAD',
      'no card',
    ],
    [
      'a module without a program',
      'none.mjs',
      'export const x = 1;',
      'APEMU_ERR_DRIVER_PROGRAM',
      'init and step',
    ],
    ['a text that is no module', 'text.ts', 'const = ;', 'APEMU_ERR_DRIVER_SYNTAX', 'text.ts'],
    [
      'a driver that throws on a healthy machine',
      'bad.mjs',
      'export default { name: "bad", init: () => ({}), step() { throw new Error("boom"); } };',
      'APEMU_ERR_TARGET_HEALTH',
      'boom',
    ],
  ])('%s is told', async (_what, name, text, error, words) => {
    const { code, errors } = await fuzz(`out-${name}`, 10, '--driver', file(name, text));
    expect(code).toBeGreaterThanOrEqual(2);
    expect(errors).toContain(error);
    expect(errors).toContain(words);
  });

  it('a damaged file of the corpus is named, and nothing is lost', async () => {
    await fuzz('damaged', 3, '--driver', DRIVER);
    const [name] = readdirSync(join(folder, 'damaged', 'corpus'));
    const path = join(folder, 'damaged', 'corpus', name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/request( x\d+)?/, 'request x9'));
    const before = contentOf('damaged');
    const { code, errors } = await fuzz('damaged', 9, '--driver', DRIVER);
    expect(code).toBeGreaterThanOrEqual(2);
    expect(errors).toContain(name);
    expect(contentOf('damaged')).toEqual(before);
  });

  it('a port in use is told', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { code, errors } = await fuzz('port', 3, '--driver', DRIVER, '--http', String(port));
    server.close();
    expect([code, errors]).toEqual([2, expect.stringContaining('EADDRINUSE')]);
  });

  it.each([
    [['--driver', 'none.ts'], 'APEMU_ERR_DRIVER_READ'],
    [['--driver', DRIVER, '--guest', 'Nobody'], 'APEMU_ERR_TARGET_GUEST'],
    [['--driver', DRIVER, '--without', 'luck'], 'APEMU_ERR_USAGE_ORACLE'],
    [['--driver', DRIVER, '--self'], 'APEMU_ERR_USAGE_FUZZ'],
    [[], 'APEMU_ERR_USAGE_FUZZ'],
    [['--replay', 'nothing'], 'APEMU_ERR_PROGRAM_READ'],
  ])('%j ends with %s', async (options, error) => {
    const { code, errors } = await fuzz('refused', 3, ...options);
    expect(code).toBeGreaterThanOrEqual(2);
    expect(errors).toContain(error);
  });

  it.each([
    ...['--blind', '--lpar', '--planted', '--portable'].map((name) => [name]),
    ...['--append', '--cover', '--vmlinux', '--initrd'].map((name) => [name, 'x']),
    ['--count', '5'],
    ['--save', 'x'],
    ['--junit', 'results.xml'],
  ])('%s with --driver would be ignored, and is refused', async (...options) => {
    const { code, output, errors } = await fuzz('unheard', 3, '--driver', DRIVER, ...options);
    const [name] = options;
    const words = new RegExp(`^apemu: ${name} says nothing with --driver \\(it goes with --`);
    expect([code, output, errors]).toEqual([2, '', expect.stringMatching(words)]);
  });

  it.each([
    [['--self', '--cases', '5'], '--cases says nothing with --self (it goes with --driver'],
    [['--self', '--blind'], '--blind says nothing with --self (it goes with --kernel)'],
    [['--kernel', '--recover-within', '9s'], '--recover-within says nothing with --kernel'],
    [['--kernel', '--keep-config'], '--keep-config says nothing with --kernel'],
    [['--replay', '.', '--workers', '2'], '--workers says nothing with --replay (it goes with'],
    [['--replay', '.', '--lpar'], '--lpar says nothing with --replay (it goes with --kernel, '],
  ])('%j is refused', async (options, words) => {
    const { code, errors } = await apemu(['fuzz', CONFIG, ...options]);
    expect([code, errors]).toEqual([2, expect.stringContaining(words)]);
  });

  it('a scenario with an unknown trigger is told at its place', async () => {
    const path = file('trigger.ap', 'apemu-program 1\nconfig x.yaml\non nqap nqap: drop\n');
    const { code, errors } = await apemu(['fuzz', '--replay', path]);
    expect([code, errors]).toEqual([3, expect.stringContaining('trigger.ap:3:')]);
  });
});
