// SPDX-License-Identifier: Apache-2.0
// Packs the project, unpacks the tarball beside its dependencies and nothing else of the project, and uses it as a driver
// developer would: types, a vitest test of a driver, the command line. No network.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'apemu-pack-'));
const modules = join(folder, 'node_modules');

const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const step = (what, action) => {
  const result = action();
  process.stdout.write(`ok  ${what}\n`);
  return result;
};

const expectText = (text, ...parts) => {
  for (const part of parts)
    if (!text.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${text}`);
};

/** What a consumer's `npm install` gives: the package's dependencies, and the consumer's own vitest. */
const install = (tarball) => {
  mkdirSync(modules, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', modules]);
  run('mv', [join(modules, 'package'), join(modules, 'apemu')]);
  for (const name of [...Object.keys(dependencies), 'vitest'])
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

try {
  const tarball = step('npm pack', () => {
    // prepack builds first.
    const out = run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
    return join(folder, out.trim().split('\n').at(-1));
  });
  step('install without the project', () => install(tarball));
  cpSync(join(modules, 'apemu/examples/driver-test'), folder, { recursive: true });
  step('types of the package', checkTypes);
  step("a driver developer's test", () => {
    const vitest = join(modules, 'vitest/vitest.mjs');
    const out = run(process.execPath, [vitest, 'run', '--reporter=json']);
    const report = JSON.parse(out.slice(out.indexOf('{')));
    if (!report.success || report.numPassedTests < 3) throw new Error(out);
  });
  const apemu = join(modules, 'apemu');
  const { bin } = JSON.parse(readFileSync(join(apemu, 'package.json'), 'utf8'));
  const command = (...args) => run(join(apemu, bin.apemu), args);
  step('apemu --version', () => expectText(command('--version'), '.'));
  step('apemu exec', () =>
    expectText(command('exec', join(apemu, 'examples/section6.ap')), '21 instructions: ok'),
  );
  step('apemu run', () =>
    expectText(
      command('run', join(apemu, 'examples/two-guests.yaml')),
      '05.00ab',
      '4,000 answered',
    ),
  );
} catch (error) {
  process.stderr.write(`failed: ${error.message}\n${error.stdout ?? ''}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
