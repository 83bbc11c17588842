// SPDX-License-Identifier: Apache-2.0
// The minimiser: lines that are not needed go, operands become plain, and it never hands over what does not reproduce.
import { describe, expect, it } from 'vitest';
import type { Statement } from '../../src/program/ast.ts';
import { printStatement } from '../../src/program/print.ts';
import { minimise, simplerLines } from '../../src/self-check/minimise.ts';
import {
  clockLine,
  instructionLine,
  ioLine,
  pswLine,
  writeLine,
} from '../../src/self-check/statements.ts';

const cpu = { guest: 'Guest1', vcpu: 0 };
const nqap = instructionLine(cpu, 'nqap', 0x504, { psmid: 0x1234n, addr: 0x4000, len: 300, l: 1 });
const dqap = instructionLine(cpu, 'dqap', 0x504, { addr: 0x8000, len: 4096 });
const noise: Statement[] = Array.from({ length: 60 }, (_, n) => clockLine(1000 * (n + 1)));
const texts = (statements: readonly Statement[]) => statements.map(printStatement);
const has = (statements: readonly Statement[], start: string) =>
  texts(statements).some((text) => text.startsWith(start));

describe('the minimiser', () => {
  it('keeps the two lines that matter, in their order and with plain operands', async () => {
    const lines = [...noise, nqap, ...noise, dqap, ...noise];
    const short = await minimise(lines, async (tried) => {
      const at = texts(tried).findIndex((text) => text.includes('nqap'));
      return at >= 0 && has(tried.slice(at), 'Guest1.0: dqap');
    });
    expect(texts(short)).toEqual(['Guest1.0: nqap 05.0004', 'Guest1.0: dqap 05.0004']);
  });

  it('keeps an operand that matters', async () => {
    const matters = async (tried: readonly Statement[]) =>
      tried.some(
        (line) =>
          line.kind === 'instruction' &&
          line.operands.some(({ name, value }) => name === 'len' && value >= 100n),
      );
    expect(texts(await minimise([...noise, nqap], matters))).toEqual([
      'Guest1.0: nqap 05.0004 len=300',
    ]);
  });

  it('asks no more often than it may, and hands over the best so far', async () => {
    let asked = 0;
    const short = await minimise(
      noise,
      async (tried) => {
        asked++;
        return tried.length > 20;
      },
      3,
    );
    expect(asked).toBe(3);
    expect(short.length).toBeLessThan(noise.length);
  });

  it('hands over all lines where none can go', async () => {
    const lines = [nqap, dqap];
    expect(await minimise(lines, async (tried) => tried === lines)).toBe(lines);
  });
});

it.each([
  ['an instruction without operands', instructionLine(cpu, 'tapq', 0x504, {})],
  ['a clock line of 1 us', clockLine(1_000)],
  ['a clock line that runs', clockLine('run')],
  ['one byte of zero', writeLine(cpu, 0, '00', 1)],
  ['a psw line without fields', pswLine(cpu, {})],
  ['an io line', ioLine(cpu)],
])('%s has nothing simpler', (_name, statement) => {
  expect(simplerLines(statement)).toEqual([]);
});

it('never takes the word of a raw instruction away', () => {
  const raw = instructionLine(cpu, 'insn', undefined, { word: 0xb2af0000, gr0: 0x504 });
  expect(texts(simplerLines(raw))).toEqual([
    'Guest1.0: insn B2AF0000',
    'Guest1.0: insn B2AF0000 gr0=0000000000000000',
    'Guest1.0: insn B2AF0000 gr0=0000000000000001',
    'Guest1.0: insn B2AF0000 gr0=0000000000000040',
  ]);
});
