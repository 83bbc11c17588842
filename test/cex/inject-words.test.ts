// SPDX-License-Identifier: Apache-2.0
// Injected replies as text and as words of the machine image: both forms give back what went in.
import { describe, expect, it } from 'vitest';
import { parseInjection, printInjection } from '../../src/cex/inject-text.ts';
import { injectionOf, injectionWords } from '../../src/cex/inject-words.ts';
import type { InjectedReply } from '../../src/cex/injected-reply.ts';
import { functionWord, isFunctionName } from '../../src/cex/request-function.ts';
import { REPLY_SHAPES } from '../../src/cex/shapes.ts';
import { FUNCTIONS } from '../../src/cex/support.ts';

const REPLIES: readonly (readonly [string, InjectedReply])[] = [
  ...(['82', '87', '88', '86'] as const).flatMap((where) =>
    [0, 0x8a, 0xff].map(
      (code) =>
        [
          `${where}/${code.toString(16).padStart(2, '0')}`,
          { kind: 'code', in: where, code },
        ] as const,
    ),
  ),
  ['86/8b/0', { kind: 'code', in: '86', code: 0x8b, apfs: 0 }],
  ['86/8b/fedcba98', { kind: 'code', in: '86', code: 0x8b, apfs: 0xfedcba98 }],
  ['cca/0/0', { kind: 'cca', rc: 0, rs: 0 }],
  ['cca/8/2290', { kind: 'cca', rc: 8, rs: 2290 }],
  ['cca/65535/65535', { kind: 'cca', rc: 65535, rs: 65535 }],
  ['ep11/0', { kind: 'ep11', rv: 0 }],
  ['ep11/80010013', { kind: 'ep11', rv: 0x80010013 }],
  ['ep11/0/c0003', { kind: 'ep11', rv: 0, returnCode: 0xc0003 }],
  ...REPLY_SHAPES.flatMap(({ name }) => [
    [`shape/${name}`, { kind: 'shape', shape: name }] as const,
    [`shape/${name}/0`, { kind: 'shape', shape: name, value: 0 }] as const,
    [`shape/${name}/4097`, { kind: 'shape', shape: name, value: 4097 }] as const,
  ]),
];

describe('an injected reply', () => {
  it.each(REPLIES)('%s is read and printed', (text, reply) => {
    expect(parseInjection(text)).toEqual(reply);
    expect(printInjection(reply)).toBe(text);
  });

  it.each(REPLIES)('%s goes through three words, with the permission', (_text, reply) => {
    for (const allowGuestDamage of [false, true]) {
      const words = injectionWords(reply, allowGuestDamage);
      expect(words.every((word) => word === (word | 0))).toBe(true);
      expect(injectionOf(words)).toEqual({ inject: reply, allowGuestDamage });
    }
  });

  it('without a form is an 82 reply, EP11 without a value a general error', () => {
    expect(printInjection({ kind: 'code', code: 0x10 })).toBe('82/10');
    expect(printInjection({ kind: 'ep11' })).toBe('ep11/5');
    const { inject } = injectionOf(injectionWords({ kind: 'ep11' }, false));
    expect(inject).toEqual({ kind: 'ep11' });
  });

  it.each([
    '',
    '82',
    '82/',
    '82/100',
    '81/10',
    '82/10/1',
    'cca/8',
    'cca/8/65536',
    'cca/x/1',
    'ep11',
    'ep11/123456789',
    'shape',
    'shape/',
    'shape/echo/-1',
    'echo',
    ' 82/10',
    '82/10 ',
  ])('%j is none', (text) => expect(parseInjection(text)).toBeUndefined());
});

describe('function names', () => {
  const names = Object.values(FUNCTIONS)
    .flat()
    .map((row) => row.code)
    .filter((code) => code !== 'any');

  it('of every card are accepted, and each is a word of its own', () => {
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !isFunctionName(name))).toEqual([]);
    const distinct = new Set([...names, 'loopback', '65535', '12345']);
    expect(new Set([...distinct].map(functionWord)).size).toBe(distinct.size);
    expect([...distinct].map(functionWord)).not.toContain(0);
  });

  it.each(['', 'pk', 'P', 'MEB4', '123456', 'any', 'P K'])('%j is none', (name) =>
    expect(isFunctionName(name)).toBe(false),
  );
});
