// SPDX-License-Identifier: Apache-2.0
// Rules of CONTRIBUTING.md and docs/design.md that a program can check, over all code of the project.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUEST, layerOf, objection, PACKAGES, ROWS } from './layers.ts';
import {
  FILE_LINES,
  FUNCTION_LINES,
  LONGER_FILES,
  TEST_FILE_LINES,
  TEST_FUNCTION_LINES,
} from './limits.ts';
import {
  blank,
  CODE_FOLDERS,
  filesOnDisk,
  importsOf,
  ROOT,
  SOURCES,
  type Source,
} from './sources.ts';

const below = (...folders: string[]): Source[] =>
  SOURCES.filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)));
const product = below('native-like', 'src');
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

describe('what was looked at', () => {
  it.each(CODE_FOLDERS)('no code file of %s was missed', (folder) => {
    expect(below(folder)).toHaveLength(filesOnDisk(folder));
  });

  it('there are as many files as a project of this size has', () => {
    expect(below('native-like').length).toBeGreaterThanOrEqual(40);
    expect(below('src').length).toBeGreaterThanOrEqual(200);
    expect(below('test').length).toBeGreaterThanOrEqual(100);
  });

  it('import statements of every form were found', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type {\n  B,\n} from '../b.ts';",
      "import * as c from 'node:c';",
      "import './d.ts';",
      "export * from './e.ts';",
      "const f = await import('./f.ts');",
      "const g = new URL('./g.ts', import.meta.url);",
      "const h = 'from \\'./no.ts\\'';",
    ].join('\n');
    expect(importsOf('src/host/x.ts', text).map((found) => found.target)).toEqual([
      'src/host/a.ts',
      'src/b.ts',
      'node:c',
      'src/host/d.ts',
      'src/host/e.ts',
      'src/host/f.ts',
      'src/host/g.ts',
    ]);
    // Another way to count: lines that end in a quoted path behind "from".
    const lines = SOURCES.flatMap(({ lines }) => lines).filter((line) =>
      /^(import|export|\}).* from '[^']+';$/.test(line),
    );
    const found = SOURCES.flatMap(({ imports }) => imports);
    expect(found.length).toBeGreaterThanOrEqual(lines.length);
    expect(lines.length).toBeGreaterThan(1500);
  });
});

describe('code without comments and strings', () => {
  it.each([
    ['a; // b', 'a;     '],
    ["a('b // c')", 'a(        )'],
    ['a(`b $'.concat('{c(`d $', '{e}`)} f`)'), 'a(     c(     e  )    )'],
    ['a(/[/"]/, b)', 'a(      , b)'],
    ['a / b / c', 'a / b / c'],
    ['/* a\n b */ c', '    \n      c'],
  ])('%j is %j', (text, code) => {
    expect(blank(text)).toBe(code);
  });
});

describe('imports', () => {
  const edges = [...product, ...below('bench')].flatMap(({ path, imports }) =>
    imports.filter(({ local }) => local).map(({ target }) => [path, target] as const),
  );

  it('go in the direction of docs/design.md section 1', () => {
    const wrong = edges
      .map(([from, to]) => [from, to, objection(from, to)] as const)
      .filter(([, , why]) => why !== undefined);
    expect(wrong.map(([from, to, why]) => `${from} imports ${to}: ${why}`)).toEqual([]);
  });

  it.each([
    ['src/lpar/a.ts', 'src/host/b.ts'],
    ['src/kvm/a.ts', 'src/ap-bus/b.ts'],
    ['native-like/exec/a.ts', 'src/errors.ts'],
    ['native-like/exec/a.ts', 'native-like/blocks/b.ts'],
    ['src/guest/a.ts', 'src/host/b.ts'],
    ['src/guest/a.ts', 'src/cex/rsa.ts'],
    ['src/host/a.ts', 'src/guest/ap-bus-driver/driver.ts'],
    ['src/sysfs/a.ts', 'src/guest/cpu.ts'],
    ['src/program/a.ts', 'src/vcpu-pool/b.ts'],
    ['src/host/a.ts', 'test/model/model.ts'],
    ['src/new-folder/a.ts', 'native-like/arch/qci.ts'],
  ])('%s may not import %s', (from, to) => {
    expect(objection(from, to)).toBeDefined();
  });

  it('name files that exist', () => {
    const missing = SOURCES.flatMap(({ path, imports }) =>
      imports
        .filter(({ local, target }) => local && !existsSync(join(ROOT, target)))
        .filter(({ target }) => !target.startsWith('dist') && target !== 'test/arch/no.ts')
        .map(({ target }) => `${path} names ${target}`),
    );
    expect(missing.filter((line) => !line.startsWith('test/tidy/tidy.test.ts'))).toEqual([]);
  });

  it('every folder has a place in the order', () => {
    const layers = new Set(product.map(({ path }) => layerOf(path)));
    const placed = [...ROWS.flat(), GUEST];
    expect([...layers].filter((layer) => !placed.includes(layer))).toEqual([]);
  });

  it('of packages stand in package.json and only in the folders that own them', () => {
    const known = new Set([
      ...Object.keys(packageJson.dependencies),
      ...Object.keys(packageJson.devDependencies),
    ]);
    const wrong = [...product, ...below('bench')].flatMap(({ path, imports }) =>
      imports
        .filter(({ local, target }) => !local && !target.startsWith('node:'))
        .map(({ target }) => target.split('/')[0])
        .filter((name) => !known.has(name) || !PACKAGES[name]?.includes(layerOf(path)))
        .map((name) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of native-like name no module of Node', () => {
    const wrong = below('native-like').flatMap(({ path, imports }) =>
      imports.filter(({ local }) => !local).map(({ target }) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  it('start with the licence and a sentence that says what they are', () => {
    const SPDX = '// SPDX-License-Identifier: Apache-2.0';
    const wrong = SOURCES.filter(({ lines }) => {
      const first = lines[0]?.startsWith('#!') ? 1 : 0;
      return lines[first] !== SPDX || !/^\/\/ .{15,}/.test(lines[first + 1] ?? '');
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('of native-like name their source', () => {
    const wrong = below('native-like').filter(
      ({ lines }) => !lines.slice(1, 12).some((line) => /^\/\/.*\bSource: /.test(line)),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('are short, or listed with their length', () => {
    const wrong = SOURCES.filter(({ path, lines }) => {
      const usual = path.startsWith('test/') ? TEST_FILE_LINES : FILE_LINES;
      return lines.length - 1 > (LONGER_FILES[path] ?? usual);
    });
    expect(wrong.map(({ path, lines }) => `${path}: ${lines.length - 1} lines`)).toEqual([]);
  });

  it('listed as longer exist', () => {
    const missing = Object.keys(LONGER_FILES).filter((path) => !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
  });

  /** Written before what will use them. A file leaves this list when it is used. */
  const WAITING = [
    'src/guest/ap-bus-driver/secure-execution.ts', // the driver's attributes of secure execution: `apemu shell`
    'src/qemu/benchmark/benchmark.ts', // `apemu bench`
  ];

  /** Files that something other than an import statement starts. */
  const ENTRY_POINTS = [
    'native-like/exec/kernel.ts', // folded by the build, #kernel
    'src/index.ts', // the package
    'src/vitest.ts', // apemu/vitest
    'src/fast-check.ts', // apemu/fast-check
    'src/cli/main.ts', // the command
    'src/vcpu-pool/worker.ts', // #vcpu-worker
    'src/campaign/worker.ts', // #fuzz-worker
    'src/cli/test/worker.ts', // #test-worker
    'src/cli/stepped-worker.ts', // #stepped-worker
    'src/guest/ap-bus-driver/under-test.ts', // --driver ap-bus
    'bench/machine/driver.ts', // one instance for each measured table
    'bench/child.ts', // a process of its own
    'bench/compare.ts', // a command of its own
    'native-like/blocks/status-word.ts', // scripts/docs.js and tests read these; see docs/architecture.md
    'native-like/blocks/state-description.ts',
    'native-like/blocks/gisa.ts',
    'native-like/blocks/crycb.ts',
    'native-like/blocks/qci.ts',
    'native-like/blocks/block.ts',
    'src/cex/support.ts', // makes docs/messages-support.md
  ];

  it('of the product are imported by the product', () => {
    const used = new Set([...product, ...below('bench', 'scripts')].flatMap(targetsOf));
    const unused = [...product, ...below('bench')].filter(
      ({ path }) => !used.has(path) && !ENTRY_POINTS.includes(path) && !WAITING.includes(path),
    );
    expect(unused.map(({ path }) => path)).toEqual([]);
  });

  it('of the tests are tests, or imported by one', () => {
    const used = new Set(SOURCES.flatMap(targetsOf));
    const unused = below('test').filter(
      ({ path }) => !path.endsWith('.test.ts') && !used.has(path) && !isStarted(path),
    );
    expect(unused.map(({ path }) => path)).toEqual([]);
  });
});

const isFile = (path: string): boolean =>
  existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isFile();

const targetsOf = ({ imports }: Source): string[] => imports.map(({ target }) => target);

/** Whether a test names the file: a worker, a child process or a module of a guest program. */
const isStarted = (path: string): boolean => {
  const name = path.split('/').at(-1) as string;
  return below('test').some((source) => source.path !== path && source.text.includes(name));
};

describe('functions', () => {
  it(`have at most ${FUNCTION_LINES} lines, tests ${TEST_FUNCTION_LINES}`, () => {
    const limit = (path: string): number =>
      path.startsWith('test/') ? TEST_FUNCTION_LINES : FUNCTION_LINES;
    const wrong = SOURCES.flatMap((source) =>
      functionsOf(source)
        .filter(({ lines }) => lines > limit(source.path))
        .map(({ line, lines }) => `${source.path}:${line} has ${lines} lines`),
    );
    expect(wrong).toEqual([]);
  });

  it('are found: a long one is', () => {
    const body = Array.from({ length: 80 }, (_, n) => `  a(${n});`);
    const text = ['export const f = (): void => {', ...body, '};'].join('\n');
    expect(functionsOf({ lines: text.split('\n'), code: blank(text) })).toEqual([
      { line: 1, lines: 82 },
    ]);
    const functions = product.flatMap(functionsOf).length;
    expect(functions).toBeGreaterThan(1000);
  });
});

/**
 * Functions with a body on lines of their own. The formatter puts the closing brace under the line that opens the body; a
 * test's `describe` groups tests and is none.
 */
function functionsOf({
  code,
  lines,
}: Pick<Source, 'code' | 'lines'>): { line: number; lines: number }[] {
  const blanked = code.split('\n');
  return blanked.flatMap((line, index) => {
    const opens = /(=>|\)(: [^;]+)?) \{$/.test(line);
    if (!opens || /^\s*(\} )?(if|else|for|while|switch|catch|describe)\b/.test(line)) return [];
    if (/^\s*describe/.test(lines[index])) return [];
    const indent = /^\s*/.exec(line)?.[0];
    const end = blanked.findIndex((other, n) => n > index && other.startsWith(`${indent}}`));
    return end < 0 ? [] : [{ line: index + 1, lines: end - index + 1 }];
  });
}

describe('names that must not occur', () => {
  const BANNED: readonly (readonly [string, RegExp, string])[] = [
    ['console', /\bconsole\./, 'results and logs go through src/cli'],
    ['Date', /\bDate\b/, 'the clock is an argument'],
    ['Math.random', /\bMath\.random\b/, 'the random generator is an argument'],
    ['process', /\bprocess\b(?=\s*[.[])/, 'environment and exit belong to src/cli'],
    ['timers', /\bset(Timeout|Interval|Immediate)\b/, 'time is virtual'],
    ['performance.now', /\bperformance\b/, 'the clock is an argument'],
  ];
  const MAY = [
    'src/cli',
    'src/vcpu-pool',
    'src/campaign',
    'src/qemu',
    'src/kernel-fuzz',
    'src/recorder', // a hang of a kernel is a matter of the computer's time
    'bench',
  ];
  /** APEMU_KERNEL chooses the build of the kernel, in each process and thread that loads one. */
  const MAY_FILES = ['src/lpar/kernel.ts'];
  const held = [...product, ...below('bench')].filter(
    ({ path }) => !MAY.includes(layerOf(path)) && !MAY_FILES.includes(path),
  );

  it.each(BANNED)('%s outside command line, pool, QEMU and benchmarks', (_name, pattern, why) => {
    expect(held.length).toBeGreaterThan(150);
    const wrong = held.flatMap(({ path, code }) =>
      code.split('\n').flatMap((line, n) => (pattern.test(line) ? [`${path}:${n + 1}`] : [])),
    );
    expect(wrong, why).toEqual([]);
  });

  // The pool's worker module: piscina calls its default export.
  const DEFAULT_EXPORTS = [
    'src/vcpu-pool/worker.ts', // piscina calls it
    'src/campaign/worker.ts', // piscina calls it
    'src/cli/test/worker.ts', // piscina calls it
    'src/guest/ap-bus-driver/under-test.ts', // a driver module, as users write them
  ];

  it.each([
    ['default exports', /^export default\b/],
    ['enums', /^\s*(export )?(const )?enum\b/],
    ['namespaces', /^\s*(export )?namespace\b/],
  ])('%s', (_name, pattern) => {
    const wrong = [...product, ...below('bench', 'test')].filter(
      ({ code, path }) =>
        !DEFAULT_EXPORTS.includes(path) && code.split('\n').some((line) => pattern.test(line)),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('BigInt on the instruction path', () => {
    const wrong = below('native-like').flatMap(({ path, code }) =>
      code
        .split('\n')
        .flatMap((line, n) => (/\bBigInt\(|\d+n\b/.test(line) ? [`${path}:${n + 1}`] : [])),
    );
    expect(wrong).toEqual([]);
  });

  it('hosts packages come from, and folders of one computer', () => {
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((path) => path !== '' && !path.startsWith('test/golden/') && isFile(path));
    expect(files.length).toBeGreaterThan(400);
    // Written in parts, so that this file does not name what it looks for.
    const hosts = new RegExp(
      [
        'https?://registry\\.',
        'https?://(deb|security|archive)\\.',
        `"${'resolved'}":`,
        `/${'work'}/`,
        `/${'home'}/`,
        `/${'root'}/`,
      ].join('|'),
    );
    const wrong = files.filter((path) => hosts.test(readFileSync(join(ROOT, path), 'latin1')));
    expect(wrong).toEqual([]);
  });
});

describe('dependencies', () => {
  it('are used and pinned', () => {
    const used = new Set(
      SOURCES.flatMap(({ imports }) => imports.map(({ target }) => target.split('/')[0])),
    );
    const named = (name: string): boolean =>
      SOURCES.some(({ text }) => new RegExp(`['\`]${name}/`).test(text));
    const names = Object.keys(packageJson.dependencies);
    expect(names.filter((name) => !used.has(name) && !named(name))).toEqual([]);
    const versions = Object.values({ ...packageJson.dependencies, ...packageJson.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});
