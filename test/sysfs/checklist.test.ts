// SPDX-License-Identifier: Apache-2.0
// docs/checklist.md has every row of the seed documents, and each names a test that exists and, where a report of the run is
// given (APEMU_TEST_REPORT = vitest's JSON report), passed in it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Row {
  readonly id: string;
  readonly built: string;
  readonly shown: string;
}

const ROWS: readonly Row[] = [
  ...read('docs/checklist.md').matchAll(/^\| (S\d-\d\d) \| (.*?) \| (.*) \|$/gm),
].map(([, id, built, shown]) => ({
  id: id as string,
  built: built as string,
  shown: shown as string,
}));
/** Rows that name a test. */
const NAMED = ROWS.flatMap((row) => {
  const match = /^`(test\/[^`]+)` (.+)$/.exec(row.shown);
  return match === null ? [] : [{ ...row, file: match[1], title: match[2] }];
});
/** Rows that may say "Not yet". */
const MAY_WAIT = /^S0-(2[7-9]|3[0-3])$/;

interface Listed {
  readonly file: string;
  readonly name: string;
}

/** Tests of these files as vitest itself finds them, tables expanded. */
function listed(files: readonly string[]): Listed[] {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const env = { ...process.env, VITEST: undefined, NO_COLOR: '1' } as NodeJS.ProcessEnv;
  const json = execFileSync(process.execPath, [vitest, 'list', ...files, '--json'], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const tests = JSON.parse(json.slice(json.indexOf('['))) as Listed[];
  return tests.map(({ file, name }) => ({ file: relative(ROOT, file), name }));
}

/** Tests that passed according to a JSON report. */
function passed(report: string): Listed[] {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: {
      name: string;
      assertionResults: { ancestorTitles: string[]; title: string; status: string }[];
    }[];
  };
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'passed')
      .map(({ ancestorTitles, title }) => ({
        file: relative(ROOT, name),
        name: [...ancestorTitles, title].join(' > '),
      })),
  );
}

describe('the checklist', () => {
  it('has a row for every row of the seed documents', () => {
    const seeds = [...read('docs/reference/vfio-ap.md').matchAll(/^\| (S\d-\d\d) \|/gm)].map(
      (m) => m[1],
    );
    expect(seeds).toHaveLength(114);
    expect(ROWS.map((row) => row.id)).toEqual(seeds);
  });

  it('says what was built, or why not where that is allowed', () => {
    for (const row of ROWS) {
      if (NAMED.some((named) => named.id === row.id)) continue;
      const allowed = MAY_WAIT.test(row.id) ? /^Not yet: .+/ : /^No code: .+/;
      expect(row.shown, row.id).toMatch(allowed);
    }
  });

  const report = process.env['APEMU_TEST_REPORT'];
  it(`names tests that ${report === undefined ? 'exist' : 'passed'}`, () => {
    const tests =
      report === undefined ? listed([...new Set(NAMED.map((row) => row.file))]) : passed(report);
    expect(tests.length).toBeGreaterThan(500);
    const missing = NAMED.filter(
      (row) => !tests.some(({ file, name }) => file === row.file && name.includes(row.title)),
    );
    expect(missing.map((row) => `${row.id}: ${row.file} ${row.title}`)).toEqual([]);
  });
});
