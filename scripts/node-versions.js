// SPDX-License-Identifier: Apache-2.0
// The build under other versions of Node.js than this one, which the npm package `node` brings: a stepped run gives the same bytes on all, and a
// part of the tests passes. A version that is too old is told so.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TESTED = ['22', '24'];
const TOO_OLD = '18';
const MAIN = join(ROOT, 'dist/src/cli/main.js');

/** Commands in virtual time, whose output depends on nothing but their input. */
const STEPPED = [
  ['run', 'examples/two-guests.yaml', '--stepped', '--messages', '100', '--json'],
  ['run', 'examples/load.yaml', '--stepped', '--messages', '200', '--json'],
  ['run', 'examples/shared-accelerators.yaml', '--stepped', '--messages', '50', '--json'],
  ['exec', '--json', 'examples/section6.ap', 'examples/faults.ap', 'examples/interleaving.ap'],
];
/** Tests of what differs most from version to version: shared memory, workers, parsing, text. */
const TESTS = [
  'test/program/examples.test.ts',
  'test/library',
  'test/vectors',
  'test/trace/trace.test.ts',
];

const call = (node, args) =>
  spawnSync(node, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 });

/** The program of a version, out of the npm package `node`. */
const programOf = (version) => {
  const args = [
    'exec',
    '--yes',
    `--package=node@${version}`,
    '--',
    'node',
    '-p',
    'process.execPath',
  ];
  const { status, stdout, stderr } = call('npm', args);
  if (status !== 0)
    throw new Error(`the npm package node@${version} cannot be had: ${stderr.trim()}`);
  return stdout.trim();
};

const bytesOf = (node) =>
  STEPPED.map((args) => {
    const { status, stdout, stderr } = call(node, [MAIN, ...args]);
    if (status !== 0) throw new Error(`apemu ${args.join(' ')} ended with ${status}: ${stderr}`);
    return createHash('sha256').update(stdout).digest('hex');
  });

const say = (text) => process.stdout.write(`${text}\n`);

const check = (version, expected) => {
  const node = programOf(version);
  const name = call(node, ['--version']).stdout.trim();
  const different = bytesOf(node).findIndex((hash, n) => hash !== expected[n]);
  if (different >= 0)
    throw new Error(
      `${name}: apemu ${STEPPED[different].join(' ')} gives other bytes than ${process.version}`,
    );
  say(`ok  ${name}: ${STEPPED.length} stepped runs give the bytes of ${process.version}`);
  const { status, stdout, stderr } = call(node, [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...TESTS,
  ]);
  if (status !== 0) throw new Error(`${name}: tests fail\n${stdout}${stderr}`);
  say(`ok  ${name}: ${/Tests\s+(.*)/.exec(stdout)?.[1] ?? 'tests pass'}`);
};

try {
  const expected = bytesOf(process.execPath);
  for (const version of TESTED) check(version, expected);
  const old = call(programOf(TOO_OLD), [MAIN, 'doctor']);
  if (old.status !== 3 || !/expected 20\.19 or newer/.test(old.stderr))
    throw new Error(`Node.js ${TOO_OLD} is not told what is wanted: ${old.status} ${old.stderr}`);
  say(`ok  Node.js ${TOO_OLD} is told what is wanted`);
} catch (error) {
  process.stderr.write(`failed: ${error.message}\n`);
  process.exitCode = 1;
}
