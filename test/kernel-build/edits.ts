// SPDX-License-Identifier: Apache-2.0
// Edits of the kernel's sources that a build by text would miscompile, or fail at without saying where.

import type { Edit } from './source-copy.ts';

/** These do what the unchanged kernel does. */
export const RIGHT: readonly Edit[] = [
  {
    name: 'a local named like a folded constant',
    files: ['exec/nqap.ts'],
    at: 'slotFor',
    find: /\bfree\b/g,
    put: 'NO_SLOTS',
  },
  {
    name: 'a local named like an inlined function’s callee',
    files: ['exec/nqap.ts'],
    at: 'enqueue',
    find: /\bfree\b/g,
    put: 'notify',
  },
  {
    name: 'a local named like an inlined function',
    files: ['exec/nqap.ts'],
    at: 'enqueue',
    find: /\bheader\b/g,
    put: 'completeNormal',
  },
  {
    name: 'an assigned parameter of an inlined function',
    files: ['exec/nqap.ts'],
    at: 'accept',
    find: '  I32[q + Q_FREE] = free;',
    put: '  free = free | 0;\n  I32[q + Q_FREE] = free;',
  },
  {
    name: 'an early return of an inlined function',
    files: ['exec/nqap.ts'],
    at: 'accept',
    find: 'if ((status & STATUS_IRQ) !== 0) notify(q);',
    put: 'if ((status & STATUS_IRQ) === 0) return;\n    notify(q);',
  },
  {
    name: 'a shorthand property with the name of a constant and of a view',
    files: ['exec/nqap.ts'],
    at: 'accept',
    find: 'I32[q + Q_FREE] = free;',
    put: 'const words = { I32, Q_FREE };\n  words.I32[q + words.Q_FREE] = free;',
  },
  {
    name: 'a local named like a view',
    files: ['exec/nqap.ts'],
    at: 'slotFor',
    find: 'const free = I32[q + Q_FREE];',
    put: 'const free = (() => { const U8 = I32; return U8[q + Q_FREE]; })();',
  },
  {
    name: 'a local named like what the build makes of a view',
    files: ['exec/nqap.ts'],
    at: 'enqueue',
    find: /\blength\b/g,
    put: '$I32',
  },
];

/** These the build does not take. */
export const REFUSED: readonly Edit[] = [
  {
    name: 'a call that is to be inlined inside an expression',
    files: ['exec/dqap.ts'],
    at: 'remove',
    find: 'completeNormal(v, status);',
    put: 'I32[v + V_GR + 4] = completeNormal(v, status);',
    line: 'completeNormal(v, status);',
    refusal:
      'native-like/exec/dqap.ts:LINE: dequeue: inline-calls: completeNormal is called inside an expression (write `completeNormal(…);` or `return completeNormal(…);`)',
  },
  {
    name: 'a handler with another name',
    files: ['exec/nqap.ts', 'exec/execute.ts'],
    find: /\benqueue\b/g,
    put: 'enqueueMessage',
    refusal:
      'inline-calls: the table has a row for enqueue, and the kernel no such function (rename the row)',
  },
  {
    name: 'a default of a parameter of an inlined function',
    files: ['exec/dqap.ts'],
    at: 'remove',
    find: 'instruction: number)',
    put: 'instruction = 0)',
    line: 'instruction = 0)',
    refusal:
      'native-like/exec/dqap.ts:LINE: remove: inline-calls: remove has a parameter that is more than a name (name it and take it apart in the body)',
  },
  {
    name: 'a quotient in an index',
    files: ['exec/nqap.ts'],
    at: 'slotFor',
    find: 'I32[q + Q_FREE]',
    put: 'I32[q / 1 + Q_FREE]',
    line: 'q / 1',
    refusal:
      'native-like/exec/nqap.ts:LINE: slotFor: int32-indices: an index of I32 adds the result of `/` (make an integer of it: `| 0`)',
  },
];
