// SPDX-License-Identifier: Apache-2.0
// Results as JUnit XML, as CI systems read it.

export interface TestResult {
  readonly name: string;
  readonly seconds: number;
  /** Why it failed; undefined: it did not. */
  readonly failure: string | undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Characters XML 1.0 does not know: controls but tab, line feed and carriage return. */
const UNKNOWN = /(?![\t\n\r])\p{Cc}/gu;

/** Text for an attribute or an element; characters XML does not know become a question mark. */
const xml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ESCAPES[c]).replace(UNKNOWN, '?');

/** One suite. */
export const junitXml = (suite: string, results: readonly TestResult[]): string => {
  const failures = results.filter(({ failure }) => failure !== undefined).length;
  const time = results.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
  const cases = results.map(({ name, seconds, failure }) => {
    const head = `    <testcase classname="${xml(suite)}" name="${xml(name)}" time="${seconds.toFixed(3)}"`;
    if (failure === undefined) return `${head}/>`;
    return `${head}>\n      <failure message="${xml(failure)}"/>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="${xml(suite)}" tests="${results.length}" failures="${failures}" errors="0" time="${time}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
};
