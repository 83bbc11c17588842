// SPDX-License-Identifier: Apache-2.0
// The support matrix: every function of every mode, what is computed and why the rest is not.
import { ACCELERATOR_FUNCTIONS } from './accelerator/functions.ts';
import type { AdapterMode } from './adapter.ts';
import { CCA_FUNCTIONS } from './cca/functions.ts';
import { EP11_FUNCTIONS } from './ep11/functions.ts';
import type { FunctionRow } from './functions.ts';
import { LOOPBACK_FUNCTIONS } from './loopback/functions.ts';

/** Functions by mode. */
export const FUNCTIONS: Readonly<Record<AdapterMode, readonly FunctionRow[]>> = {
  accelerator: ACCELERATOR_FUNCTIONS,
  cca: CCA_FUNCTIONS,
  ep11: EP11_FUNCTIONS,
  loopback: LOOPBACK_FUNCTIONS,
};

/** The matrix as a Markdown table, for the documentation. */
export function supportTable(): string {
  const lines = [
    '| mode | code | function | support | what is missing and why |',
    '|---|---|---|---|---|',
  ];
  for (const [mode, rows] of Object.entries(FUNCTIONS)) {
    for (const r of rows) {
      lines.push(`| ${mode} | ${r.code} | ${r.name} | ${r.support} | ${r.reason ?? ''} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}
