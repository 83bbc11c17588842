// SPDX-License-Identifier: Apache-2.0
// The support matrix: every function of every mode, what is computed and why the rest is not.
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { ACCELERATOR_FUNCTIONS } from './accelerator/functions.ts';
import { CCA_FUNCTIONS } from './cca/functions.ts';
import { EP11_FUNCTIONS } from './ep11/functions.ts';
import type { FunctionRow } from './function-row.ts';
import { LOOPBACK_FUNCTIONS } from './loopback/functions.ts';

import { REPLY_SHAPES } from './shapes.ts';

/** The functions, by mode. */
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

/** The injectable reply shapes as a Markdown table, for the documentation. */
function shapeTable(): string {
  const lines = [
    '| shape | row of 8.3 | value (standard) | Linux 6.12 guest | damage, needs `allowGuestDamage` |',
    '|---|---|---|---|---|',
  ];
  for (const s of REPLY_SHAPES) {
    const value = `${s.value} (${s.standard})`;
    lines.push(`| ${s.name} | ${s.row} | ${value} | ${s.effect} | ${s.danger ?? ''} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** The documentation page about what the cards answer. */
export function supportPage(): string {
  return [
    '# What the emulated cards answer\n',
    'Made from the tables in `src/cex` by `npm run docs`; a test compares. Layouts and codes are those of',
    '[the message reference](reference/messages.md). `full`: computed; `part`: some forms; `none`: refused as the reason says.\n',
    '## Functions\n',
    supportTable(),
    '## Malformed requests\n',
    'A million random and mutated requests for each mode are part of `npm test`; others than those with',
    '`APEMU_CARDS_SEED=7 npx vitest run test/cex/fuzz.test.ts`. Each gets one reply, of a legal shape and no longer than allowed;',
    'a failure prints seed and bytes.\n',
    '## Reply shapes for fuzzing\n',
    'Injected by name: `reply: shape/NAME` or `reply: shape/NAME/VALUE` of a fault. Shapes with an entry in the last column crash,',
    'leak or corrupt a Linux guest kernel; without `machine: { allowGuestDamage: true }` they are refused and never sent.\n',
    shapeTable(),
  ].join('\n');
}
