// SPDX-License-Identifier: Apache-2.0
// Results as JUnit XML, as CI systems read it.
// Source: the JUnit XML format (testsuites, testsuite, testcase with failure, error or skipped) as Jenkins' schema junit-10.xsd has it.

import { writeOutput } from '../output-file.ts';
import { countOf, headOf, type Outcome, type TestResult } from './result.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Characters XML 1.0 does not know: controls but tab, line feed and carriage return, lone surrogates, the last two of the plane. */
const UNKNOWN = /(?![\t\n\r])\p{Cc}|\p{Cs}|[\ufffe\uffff]/gu;

/** Text for an attribute or an element; characters XML does not know become a question mark. */
const xml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ESCAPES[c]).replace(UNKNOWN, '?');

const ELEMENTS: Readonly<Record<Exclude<Outcome, 'passed'>, string>> = {
  failed: 'failure',
  error: 'error',
  skipped: 'skipped',
};

const testcase = (suite: string, result: TestResult): string => {
  const { name, seconds, outcome, why } = result;
  const head = `    <testcase classname="${xml(suite)}" name="${xml(name)}" file="${xml(name)}" time="${seconds.toFixed(3)}"`;
  if (outcome === 'passed') return `${head}/>`;
  const element = ELEMENTS[outcome];
  const message = `<${element} message="${xml(headOf(result))}"`;
  const body = outcome === 'skipped' ? '/>' : `>${xml(why.trim())}</${element}>`;
  return `${head}>\n      ${message}${body}\n    </testcase>`;
};

/** A <testsuite> element: the tests of one file. */
export const junitXml = (suite: string, results: readonly TestResult[]): string => {
  const time = results.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
  const counts = [
    ['tests', results.length],
    ['failures', countOf(results, 'failed')],
    ['errors', countOf(results, 'error')],
    ['skipped', countOf(results, 'skipped')],
  ].map(([name, count]) => `${name}="${count}"`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="${xml(suite)}" ${counts.join(' ')} time="${time}">`,
    ...results.map((result) => testcase(suite, result)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
};

/** Writes `junitXml` into a file. @throws ApemuError APEMU_ERR_USAGE_SAVE if it cannot be written */
export const writeJunit = (file: string, suite: string, results: readonly TestResult[]): void =>
  writeOutput(file, junitXml(suite, results));
