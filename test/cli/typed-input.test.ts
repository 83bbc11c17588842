// SPDX-License-Identifier: Apache-2.0
// When a guest gets what standard input has.
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TypedInput } from '../../src/cli/typed-input.ts';

const start = (mark: RegExp) => {
  const input = new PassThrough();
  const console = new PassThrough();
  input.write('lszcrypt\n');
  return { typed: new TypedInput(input, mark), input, console };
};

describe('typed input', () => {
  it('waits for the console and for its mark, in pieces too', async () => {
    const { typed, console } = start(/guest: ready/);
    typed.shown('booting\nguest: re');
    typed.attach(console);
    await turn();
    expect(console.read()).toBeNull();
    typed.shown('ady\n');
    await turn();
    expect(`${console.read()}`).toBe('lszcrypt\n');
  });

  it('does not wait for a kernel without a mark, and leaves the console open at its end', async () => {
    const { typed, input, console } = start(/^/);
    typed.attach(console);
    input.end();
    await turn();
    expect(`${console.read()}`).toBe('lszcrypt\n');
    expect(console.writableEnded).toBe(false);
  });

  it('reads no more once the guest has ended', async () => {
    const { typed, input, console } = start(/^/);
    typed.attach(console);
    await turn();
    console.read();
    typed.close();
    input.write('more\n');
    await turn();
    expect([console.read(), input.isPaused()]).toEqual([null, true]);
  });
});
