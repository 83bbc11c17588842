// SPDX-License-Identifier: Apache-2.0
// Packs the project, unpacks the tarball beside its dependencies and nothing else of the project, and uses it as a driver
// developer would: types, a vitest test of a driver, the command line. Then the workflow of docs/ci.md, its shell steps as they are written,
// in an empty project that has the tarball as its only dependency; and there what issue 19 promises of library and command line, point by point.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { POINTS, Tried, tryGuests, tryTerminal } from './pack-points.js';
import { shellSteps, workflowOf } from './workflow.js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'apemu-pack-'));
const modules = join(folder, 'node_modules');

const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const step = (what, action) => {
  const done = (result) => {
    process.stdout.write(`ok  ${what}\n`);
    return result;
  };
  const result = action();
  return result instanceof Promise ? result.then(done) : done(result);
};

const leftOut = (what, why) => process.stdout.write(`left out  ${what}: ${why}\n`);

const expectText = (text, ...parts) => {
  for (const part of parts)
    if (!text.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${text}`);
};

/** What a consumer's `npm install` gives: the package's dependencies, and the consumer's own vitest and fast-check. */
const install = (tarball) => {
  mkdirSync(modules, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', modules]);
  run('mv', [join(modules, 'package'), join(modules, 'apemu')]);
  for (const name of [...Object.keys(dependencies), 'vitest', 'fast-check'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'driver', private: true, type: 'module' }),
  );
};

// The package's own declarations are checked too; the test's are left out because vitest's want Node's and the DOM's.
const checkTypes = () => {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'ES2023',
        module: 'NodeNext',
        lib: ['ES2023'],
        strict: true,
        noEmit: true,
        allowImportingTsExtensions: true,
        types: [],
        skipLibCheck: false,
      },
      include: ['driver.ts'],
    }),
  );
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.']);
};

/** A lock file of a project with the tarball as its only dependency: what it needs comes in the versions this project was tested with. */
const lockOf = (tarball) => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const needed = Object.entries(packages).filter(
    ([path, { dev, peer }]) => path !== '' && dev !== true && peer !== true,
  );
  const bytes = readFileSync(tarball);
  const apemu = {
    ...Object.fromEntries(['version', 'bin', 'engines'].map((key) => [key, packages[''][key]])),
    resolved: `file:${basename(tarball)}`,
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    dependencies,
  };
  return {
    name: 'project',
    lockfileVersion: 3,
    requires: true,
    packages: { '': project(tarball), 'node_modules/apemu': apemu, ...Object.fromEntries(needed) },
  };
};

const project = (tarball) => ({
  name: 'project',
  version: '1.0.0',
  dependencies: { apemu: `file:${basename(tarball)}` },
});

/** An empty project with three tests: an AP program, a scenario of a driver and, with QEMU, a guest run. */
const makeProject = (tarball) => {
  const home = join(folder, 'project');
  const tests = join(home, 'tests');
  mkdirSync(tests, { recursive: true });
  cpSync(tarball, join(home, basename(tarball)));
  writeFileSync(join(home, 'package.json'), JSON.stringify(project(tarball)));
  writeFileSync(join(home, 'package-lock.json'), JSON.stringify(lockOf(tarball)));
  const examples = join(ROOT, 'examples');
  cpSync(join(examples, 'two-guests.yaml'), join(tests, 'machine.yaml'));
  const program = 'apemu-program 1\nconfig machine.yaml\n';
  writeFileSync(join(tests, 'good.ap'), `${program}Guest1.0: tapq 05.0004 => cc=0 rc=00\n`);
  writeFileSync(
    join(tests, 'late.ap'),
    `${program}on Guest1 nqap #1: delay=1ms\nuser: request 05.0004\n`,
  );
  const run = readFileSync(join(examples, 'guests/lszcrypt.guest.yaml'), 'utf8');
  writeFileSync(
    join(tests, 'lszcrypt.guest.yaml'),
    run.replace('../two-guests.yaml', 'machine.yaml'),
  );
  return home;
};

/** Executes the shell steps of docs/ci.md. Packages are installed where the workflow's own system is: a Debian, as root. */
const runWorkflow = (home) => {
  const able = existsSync('/etc/debian_version') && process.getuid() === 0;
  for (const { name, run: text } of shellSteps(workflowOf(ROOT))) {
    if (!able && /apt-get|guest-image/.test(text)) {
      leftOut(`docs/ci.md, ${name}`, 'no Debian, or not root');
      continue;
    }
    const command = able ? text : text.replace('apemu test', 'apemu test --no-guests');
    step(`docs/ci.md, ${name}`, () => run('bash', ['-e', '-o', 'pipefail', '-c', command], home));
  }
  const results = readFileSync(join(home, 'results.xml'), 'utf8');
  expectText(results, 'tests="3" failures="0" errors="0"', 'name="tests/good.ap"');
};

try {
  const tarball = step('npm pack', () => {
    // prepack builds first.
    const out = run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
    return join(folder, out.trim().split('\n').at(-1));
  });
  step('install without the project', () => install(tarball));
  cpSync(join(modules, 'apemu/examples/driver-test'), folder, { recursive: true });
  cpSync(join(ROOT, 'scripts/consumer'), folder, { recursive: true });
  step('types of the package', checkTypes);
  step("a driver developer's tests, with apemu/vitest and apemu/fast-check", () => {
    const vitest = join(modules, 'vitest/vitest.mjs');
    const out = run(process.execPath, [vitest, 'run', '--reporter=json', '--testTimeout=120000']);
    const report = JSON.parse(out.slice(out.indexOf('{')));
    if (!report.success || report.numPassedTests < 20) throw new Error(out);
  });
  const apemu = join(modules, 'apemu');
  const { bin } = JSON.parse(readFileSync(join(apemu, 'package.json'), 'utf8'));
  const command = (...args) => run(join(apemu, bin.apemu), args);
  step('apemu --version', () => expectText(command('--version'), '.'));
  step('apemu exec', () =>
    expectText(command('exec', join(apemu, 'examples/section6.ap')), '21 instructions: ok'),
  );
  step('apemu shell, with the status of what it ran', () => {
    const config = join(apemu, 'examples/two-guests.yaml');
    expectText(command('shell', config, '-c', 'partition'), '05 CEX8C', 'Guest2 0/8');
    const failed = spawnSync(join(apemu, bin.apemu), ['shell', config, '-c', 'exit 7']);
    if (failed.status !== 7) throw new Error(`status ${failed.status}`);
    const nobody = spawnSync(join(apemu, bin.apemu), [
      'shell',
      '--connect',
      join(folder, 'nobody'),
    ]);
    if (nobody.status !== 2) throw new Error(`status ${nobody.status}: ${nobody.stderr}`);
  });
  step('apemu report', () => {
    const config = join(apemu, 'examples/load.yaml');
    const run = command('run', config, '--stepped', '--json', '--messages', '50');
    writeFileSync(join(folder, 'a.json'), run);
    const html = join(folder, 'report.html');
    const files = [join(folder, 'a.json'), join(folder, 'a.json')];
    expectText(command('report', ...files, '--html', html), 'latency p99', 'A a.json');
    expectText(readFileSync(html, 'utf8'), 'uPlot');
  });
  step('apemu run', () =>
    expectText(
      command('run', join(apemu, 'examples/two-guests.yaml')),
      '05.00ab',
      '4,000 answered',
    ),
  );
  const home = makeProject(tarball);
  runWorkflow(home);
  const installed = join(home, 'node_modules');
  const tried = new Tried(
    join(installed, '.bin/apemu'),
    join(home, 'tried'),
    join(installed, 'apemu'),
  );
  for (const [what, point] of POINTS) step(what, () => point(tried));
  await tryTerminal(tried, step, leftOut);
  await tryGuests(tried, step, leftOut);
} catch (error) {
  process.stderr.write(`failed: ${error.message}\n${error.stdout ?? ''}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
