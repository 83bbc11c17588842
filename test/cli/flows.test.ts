// SPDX-License-Identifier: Apache-2.0
// docs/life-of-an-instruction.md: each file that a step names exists, and its function was executed when the flow was run. Steps in QEMU
// and in front of it (Q) need a kernel under QEMU, which test/linux has: their functions must be there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Step {
  readonly underQemu: boolean;
  readonly file: string;
  readonly name: string;
}

const page = readFileSync(join(ROOT, 'docs/life-of-an-instruction.md'), 'utf8');
const flows = page
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    title: section.slice(0, section.indexOf('\n')),
    steps: [...section.matchAll(/^\| (Q )?.+ \| `([^`]+)` \| `([^`]+)` \|$/gm)].map(
      (match): Step => ({ underQemu: match[1] !== undefined, file: match[2], name: match[3] }),
    ),
  }));

const folder = mkdtempSync(join(tmpdir(), 'apemu-flows-'));
afterAll(() => rmSync(folder, { recursive: true }));

const configOf = (mode: string): string => {
  const file = join(folder, `${mode}.yaml`);
  writeFileSync(
    file,
    `apemu: 1
machine:
  adapters: { 5: { type: CEX8, mode: ${mode} } }
  usageDomains: [4]
host: { apmask: "-5" }
guests:
  Guest1:
    memory: 4MiB
    mdev: { adapters: [5], domains: [4] }
    program: ap-bus
`,
  );
  return file;
};

const ATTRIBUTE = '/sys/devices/vfio_ap/matrix/$Guest1';

/** What makes each flow happen, in the order of the page. */
const COMMANDS: readonly (() => string[])[] = [
  () => ['run', configOf('cca'), '--workers', '1', '--messages', '5'],
  () => [
    'shell',
    configOf('loopback'),
    '-c',
    `echo 5 > ${ATTRIBUTE}/unassign_adapter; echo 5 > ${ATTRIBUTE}/assign_adapter`,
  ],
  () => ['run', configOf('accelerator'), '--stepped', '--messages', '5'],
];

/** Functions a command executed, by file; those of the kernel, which is one file when it is built, under its name. */
const executed = (n: number): ReadonlyMap<string, ReadonlySet<string>> => {
  const reports = join(folder, `flow-${n}`);
  execFileSync('node', [join(ROOT, 'dist/src/cli/main.js'), ...COMMANDS[n]()], {
    env: { ...process.env, NODE_V8_COVERAGE: reports, APEMU_KERNEL: 'plain' },
    stdio: 'pipe',
    timeout: 120_000,
  });
  const found = new Map<string, Set<string>>();
  for (const report of readdirSync(reports)) {
    const { result } = JSON.parse(readFileSync(join(reports, report), 'utf8')) as {
      result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[];
    };
    for (const { url, functions } of result) {
      const file = /\/dist\/(.+)\.js(?:\?.*)?$/.exec(url)?.[1];
      if (file === undefined) continue;
      const names = found.get(file) ?? new Set<string>();
      for (const { functionName, ranges } of functions)
        if (ranges[0].count > 0) names.add(functionName);
      found.set(file, names);
    }
  }
  return found;
};

/** Whether a file says that it has a function, method or label of that name. */
const defines = (file: string, name: string): boolean => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const word = name.replace('#', '\\#');
  return new RegExp(`(^|[\\s*])${word}(\\(|\\s*=|:|<|\\s*\\()`, 'm').test(text);
};

describe('docs/life-of-an-instruction.md', () => {
  it('has three flows', () => {
    expect(flows.map(({ steps }) => steps.length > 10)).toEqual([true, true, true]);
  });

  it('names functions that are there', () => {
    const missing = flows
      .flatMap(({ steps }) => steps)
      .filter(({ file, name }) => !defines(file, name));
    expect(missing).toEqual([]);
  });

  it.each(flows.map(({ title }, n) => [title, n] as const))(
    '%s goes through what it names',
    (_title, n) => {
      const found = executed(n);
      const missing = flows[n].steps
        .filter(({ underQemu }) => !underQemu)
        .filter(({ file, name }) => {
          const built = file.startsWith('native-like/exec/')
            ? 'kernel.plain'
            : file.replace(/\.ts$/, '');
          return found.get(built)?.has(name) !== true;
        });
      expect(missing).toEqual([]);
    },
  );
});
