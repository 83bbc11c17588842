// SPDX-License-Identifier: Apache-2.0
// What a page may ask a shell for: six lines, and nothing that could become another one.

import { describe, expect, it } from 'vitest';
import { lineOf } from '../../src/cli/view/actions.ts';

describe('an action of the page', () => {
  it.each([
    ['configure', ['05'], 'lpar configure 05'],
    ['deconfigure', ['ff'], 'lpar deconfigure ff'],
    ['checkstop', ['00'], 'lpar checkstop 00'],
    ['recover', ['05'], 'lpar recover 05'],
    ['fault', ['05.0004', 'nqap', '10', '2'], 'fault 05.0004 on=nqap rc=10 count=2'],
    ['clear-faults', [], 'fault clear'],
  ])('%s %j is the line "%s"', (action, operands, line) => {
    expect(lineOf({ action, operands })).toEqual({ ok: true, line });
  });

  it.each<readonly [string, unknown, string]>([
    ['nothing', null, 'expected an object'],
    ['a text', 'lpar deconfigure 05', 'expected an object'],
    ['a list', ['deconfigure', '05'], 'expected an action'],
    ['another verb', { action: 'remove-adapter', operands: ['05'] }, 'expected an action'],
    ['a name every object has', { action: 'constructor', operands: [] }, 'expected an action'],
    ['a list for a verb', { action: ['deconfigure'], operands: ['05'] }, 'expected an action'],
    ['no operands', { action: 'deconfigure' }, 'expected 1 operands'],
    ['too many', { action: 'deconfigure', operands: ['05', '06'] }, 'expected 1 operands'],
    ['a number', { action: 'deconfigure', operands: [5] }, 'the adapter is wrong'],
    [
      'another command behind',
      { action: 'deconfigure', operands: ['05; save x'] },
      'the adapter is wrong',
    ],
    ['another line behind', { action: 'deconfigure', operands: ['05\n'] }, 'the adapter is wrong'],
    [
      'a substitution',
      { action: 'fault', operands: ['05.0004', '$(save x)', '10', '1'] },
      'the instruction is wrong',
    ],
    [
      'a queue with a wide domain',
      { action: 'fault', operands: ['05.0104', 'nqap', '10', '1'] },
      'the queue is wrong',
    ],
    [
      'a code of one digit',
      { action: 'fault', operands: ['05.0004', 'nqap', '1', '1'] },
      'the response code is wrong',
    ],
    [
      'a count of 0',
      { action: 'fault', operands: ['05.0004', 'nqap', '10', '0'] },
      'the count is wrong',
    ],
    [
      'a count without end',
      { action: 'fault', operands: ['05.0004', 'nqap', '10', '9'.repeat(400)] },
      'the count is wrong',
    ],
  ])('%s is refused, and why is said', (_what, request, why) => {
    expect(lineOf(request)).toEqual({ ok: false, why: expect.stringContaining(why) });
  });
});
