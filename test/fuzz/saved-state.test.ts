// SPDX-License-Identifier: Apache-2.0
// A campaign goes on from its own state only: one that is damaged in any of its parts is told, with its file.
import { describe, expect, it } from 'vitest';
import { readState } from '../../src/fuzz/campaign-state.ts';

const SEEN = { executions: [{ fn: 0, apqn: 4, count: 1 }], states: [] };
const VIOLATION = { oracle: 'lost', way: 'w', did: 'd', expected: 'e', atNs: 5 };
const FINDING = {
  ...{ id: 'lost-00000000', lines: '', violation: VIOLATION, stable: true },
  ...{ trace: ['a'], cases: 7 },
};
const WHOLE = {
  ...{ version: 5, identity: 'mine', code: '', generation: 2, cases: 10, executed: 20, ns: 1.5 },
  ...{ corpus: [['idle: reset 05\n', [1], SEEN, 3]], hits: [[1, 2]], firsts: [[1, 'name']] },
  ...{ findings: [FINDING], broken: [['k', 1]], shortened: [], advice: [['text', 2]], places: [1] },
  tried: ['name', 'other'],
};
const read = (changed: object) => () =>
  readState(JSON.stringify({ ...WHOLE, ...changed }), 'state.json', 'mine');

describe('the state of a campaign', () => {
  it('is taken as it was written', () => expect(read({})()).toEqual(WHOLE));

  it.each<[string, object]>([
    ['no corpus', { corpus: null }],
    ['a corpus of numbers', { corpus: [1] }],
    ['a scenario without lines', { corpus: [[7, [], SEEN, 1]] }],
    ['a scenario of which nothing is known', { corpus: [['', [], null, 1]] }],
    ['a generation that is a text', { generation: 'x' }],
    ['fewer cases than none', { cases: -1 }],
    ['a place that no number holds', { places: [1e99] }],
    ['counts that are texts', { hits: [[1, 'x']] }],
    ['findings that are none', { findings: [{}] }],
    ['a finding whose name leads elsewhere', { findings: [{ ...FINDING, id: '../../x' }] }],
    ['half a count', { broken: [['k']] }],
    ['half of its members', { advice: undefined }],
  ])('is refused with %s', (_what, changed) => {
    expect(read(changed)).toThrow(
      expect.objectContaining({ code: 'APEMU_ERR_FUZZ_STATE', place: { file: 'state.json' } }),
    );
  });
});
