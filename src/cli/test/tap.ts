// SPDX-License-Identifier: Apache-2.0
// Results in the Test Anything Protocol, version 14, one after the other as tests end.
// Source: https://testanything.org/tap-version-14-specification.html

import { countOf, headOf, type TestResult } from './result.ts';

/** `#` begins a directive, `\` escapes. */
const description = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('#', '\\#').replaceAll('\n', ' ');

export const tapHead = (tests: number): string => `TAP version 14\n1..${tests}\n`;

/** The lines of one test, `number` counting from 1; what it said is a YAML block. */
export const tapLine = (number: number, result: TestResult): string => {
  const { name, outcome, why, seconds } = result;
  const ok = outcome === 'passed' || outcome === 'skipped';
  const skip = outcome === 'skipped' ? ` # SKIP ${description(headOf(result))}` : '';
  const line = `${ok ? 'ok' : 'not ok'} ${number} - ${description(name)}${skip}\n`;
  const block = [`duration_ms: ${(seconds * 1000).toFixed(3)}`];
  if (!ok) {
    block.push(`severity: ${outcome === 'error' ? 'error' : 'fail'}`, 'message: |-');
    for (const text of why.trim().split('\n')) block.push(`  ${text}`);
  }
  return `${line}  ---\n${block.map((text) => `  ${text}`.trimEnd()).join('\n')}\n  ...\n`;
};

export const tapEnd = (results: readonly TestResult[]): string =>
  [
    `# tests ${results.length}`,
    `# pass ${countOf(results, 'passed')}`,
    `# fail ${countOf(results, 'failed') + countOf(results, 'error')}`,
    `# skip ${countOf(results, 'skipped')}\n`,
  ].join('\n');
