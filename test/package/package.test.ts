// SPDX-License-Identifier: Apache-2.0
// What package.json promises exists after a build, and what users need is in the package. `npm run test:package` packs and
// uses it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  bin: { apemu: string };
  imports: Record<string, string>;
  exports: { '.': { types: string; default: string } };
  main: string;
  type: string;
  scripts: Record<string, string>;
};

describe('package.json', () => {
  it('names built files for its command, its export and its imports', () => {
    const { bin, imports, exports, main } = manifest;
    const paths = [
      bin.apemu,
      main,
      exports['.'].types,
      exports['.'].default,
      ...Object.values(imports),
    ];
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(paths.every((path) => path.replace(/^\.\//, '').startsWith('dist/'))).toBe(true);
  });

  it('has a command that can be executed', () => {
    const path = join(ROOT, manifest.bin.apemu);
    expect(statSync(path).mode & 0o111).not.toBe(0);
    expect(readFileSync(path, 'utf8')).toMatch(/^#!\/usr\/bin\/env node/);
    expect(execFileSync(path, ['--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('has the scripts contributors and CI use, those that run dist build it first', () => {
    expect(Object.keys(manifest.scripts)).toEqual(
      expect.arrayContaining(['build', 'start', 'test', 'lint', 'types', 'bench', 'docs']),
    );
    for (const name of ['start', 'test', 'bench', 'docs'])
      expect(manifest.scripts[name], name).toMatch(/^npm run --silent build && /);
  });
});

describe('the package', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { files: { path: string }[] }[];
  const paths = (packed as { files: { path: string }[] }).files.map((file) => file.path);

  it('has the build, the examples, the documentation and the licence', () => {
    const needed = [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'dist/kernel.js',
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'examples/two-guests.yaml',
      'examples/section6.ap',
      'examples/driver-test/driver.test.ts',
      'examples/driver-test/cards.test.ts',
      'docs/architecture.md',
      'docs/support-matrix.md',
    ];
    expect(needed.filter((path) => !paths.includes(path))).toEqual([]);
  });

  it('has what its pages link to', () => {
    const pages = paths.filter((path) => /^(docs\/)?[^/]+\.md$|^examples\/README\.md$/.test(path));
    expect(pages.length).toBeGreaterThan(15);
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !/^[a-z]+:/.test(target))
        .map((target) => join(dirname(page), target))
        .filter((target) => !paths.some((path) => path === target || path.startsWith(`${target}/`)))
        .map((target) => `${page}: ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('has neither sources nor tests nor recordings, but for what the benchmarks compile and compare with, and the recipe of a kernel', () => {
    const shipped = /^(bench\/((c|frozen)\/|README\.md$)|scripts\/kernel-recipe\/)/;
    const own = /^(src|native-like|test|bench|scripts|\.ci)\//;
    expect(paths.filter((path) => own.test(path) && !shipped.test(path))).toEqual([]);
  });

  it("a driver developer's test is about twenty lines", () => {
    const test = read('examples/driver-test/driver.test.ts').trim().split('\n');
    const code = test.filter((line) => !line.startsWith('//'));
    expect(code.length).toBeLessThanOrEqual(22);
  });
});
