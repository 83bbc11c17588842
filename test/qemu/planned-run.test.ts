// SPDX-License-Identifier: Apache-2.0
// `apemu qemu --run`: which command runs in which guest, and names that are no guest's.
import { describe, expect, it } from 'vitest';
import { commandsOf } from '../../src/qemu/planned-run.ts';
import { apemu } from '../cli/fake-io.ts';

const TWO = ['Guest1', 'Guest2'];

describe('a command of --run', () => {
  it.each([
    [['true'], TWO, { Guest1: 'true', Guest2: 'true' }],
    [['Guest2=a=b c'], TWO, { Guest2: 'a=b c' }],
    [['Guest1=one', 'Guest2=two'], TWO, { Guest1: 'one', Guest2: 'two' }],
    [[' LANG=C lszcrypt'], TWO, { Guest1: ' LANG=C lszcrypt', Guest2: ' LANG=C lszcrypt' }],
    [['LANG=C lszcrypt'], ['Guest1'], { Guest1: 'LANG=C lszcrypt' }],
    [['n=1; echo $n'], ['Guest1'], { Guest1: 'n=1; echo $n' }],
    [['Guest1=n=1'], ['Guest1'], { Guest1: 'n=1' }],
    [['test $x = 1'], TWO, { Guest1: 'test $x = 1', Guest2: 'test $x = 1' }],
  ])('%j of %j', (given, guests, expected) => {
    expect(Object.fromEntries(commandsOf(given, guests, TWO))).toEqual(expected);
  });

  it.each([
    [['Guest9=lszcrypt'], TWO, 'there is no guest Guest9 (the guests are Guest1, Guest2; an'],
    [['LANG=C lszcrypt'], TWO, 'there is no guest LANG'],
    [['Guest9=lszcrypt'], ['Guest1'], 'there is no guest Guest9 (the guests are Guest1; an'],
    [['Guest2=lszcrypt -V'], ['Guest1'], 'Guest2 is not booted (--guest)'],
    [['Guest1=true', 'false'], TWO, 'Guest1 has a command already'],
    [['Guest1='], TWO, 'there is no command'],
  ])('%j of %j is refused', (given, guests, message) => {
    const error = { code: 'APEMU_ERR_USAGE_RUN', message: expect.stringContaining(message) };
    expect(() => commandsOf(given, guests, TWO)).toThrow(expect.objectContaining(error));
  });
});

it('names of guests are looked at before an image is fetched', async () => {
  const config = new URL('../../examples/two-guests.yaml', import.meta.url).pathname;
  const image = ['--image', '2.4'];
  const nobody = await apemu(['qemu', config, '--guest', 'Nobody', ...image]);
  expect([nobody.code, nobody.errors]).toEqual([
    3,
    'apemu: the configuration has no guest Nobody (it has Guest1, Guest2) [APEMU_ERR_QEMU_GUEST]\n',
  ]);
  const run = await apemu(['qemu', config, '--run', 'Guest9=lszcrypt', ...image]);
  expect([run.code, run.errors]).toEqual([2, expect.stringContaining('APEMU_ERR_USAGE_RUN')]);
});
