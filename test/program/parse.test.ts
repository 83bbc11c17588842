// SPDX-License-Identifier: Apache-2.0
// Parser and printer: the notations of docs/design.md section 6, and that they are inverse.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProgram } from '../../src/program/parse.ts';
import { printProgram, printStatement } from '../../src/program/print.ts';
import { program } from './arbitraries.ts';

const one = (line: string) => parseProgram(`apemu-program 1\n${line}\n`, 'p.ap').statements[0];

describe('a program', () => {
  it('that is printed and parsed again is the same program', () => {
    fc.assert(
      fc.property(program, (generated) => {
        expect(parseProgram(printProgram(generated), generated.file)).toEqual(generated);
      }),
      { numRuns: 2000 },
    );
  });

  it('printed twice is printed the same', () => {
    fc.assert(
      fc.property(program, (generated) => {
        const text = printProgram(generated);
        expect(printProgram(parseProgram(text, 'x'))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('of any text is parsed or refused with mistakes, never anything else', () => {
    const words = fc.constantFrom(
      'Guest1.0:',
      'host:',
      'clock:',
      'sysfs:',
      'lpar:',
      'fault:',
      'on nqap #2:',
      'at 2ms:',
      'idle:',
      'user:',
      'request',
      'reply code=1',
      'interrupt late',
      'tapq',
      'nqap',
      'mem',
      'io',
      'psw',
      '05.0004',
      '=>',
      'cc=0',
      'rc=',
      'gr2=FF',
      '"',
      '#',
      '=',
      '0x',
      'advance',
      'run',
      '2ms',
      'config',
      '\n',
      '\n',
      ' ',
      'on=dqap',
      '\\',
      '$',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 30 }), (list) => {
        const text = `apemu-program 1\n${list.join(' ')}`;
        try {
          parseProgram(text, 'f.ap');
        } catch (error) {
          expect((error as Error).name).toBe('MistakesError');
          expect((error as Error).message).toMatch(/^f\.ap:\d+:\d+: /);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('may have Windows line ends, a byte order mark and no last newline', () => {
    const { statements } = parseProgram(
      '\uFEFFapemu-program 1\r\nGuest1.0: tapq 05.0004\r\nclock: run',
      'p.ap',
    );
    expect(statements.map(({ kind, line }) => `${line} ${kind}`)).toEqual([
      '2 instruction',
      '3 clock',
    ]);
  });

  it('keeps its config line apart', () => {
    expect(parseProgram('apemu-program 1\n# c\nconfig "a b.yaml" # why\n', 'p.ap').config).toBe(
      'a b.yaml',
    );
  });
});

describe('a line', () => {
  it.each([
    [
      'Guest1.0: tapq 05.0004 t=1        => cc=0 rc=00 gr2=F28000000E540307',
      'Guest1.0: tapq 05.0004 t=1',
      'cc=0 rc=00 gr2=F28000000E540307',
    ],
    [
      '  G-2_x.17:nqap ff.00FF psmid=0x1122334455667788 addr=0x4000 len=64 => cc=0',
      'G-2_x.17: nqap ff.00ff psmid=1122334455667788 addr=0x4000 len=64',
      'cc=0',
    ],
    [
      'Guest1.0: insn b2af0000 gr0=2a000504 => pgm=6',
      'Guest1.0: insn B2AF0000 gr0=000000002A000504',
      'pgm=0006',
    ],
    [
      'Guest1.0: dqap 05.0004 len=0x3000 addr=20480 => psmid=1 rc=0',
      'Guest1.0: dqap 05.0004 addr=0x5000 len=12288',
      'rc=00 psmid=0000000000000001',
    ],
    [
      'Guest1.0: aqic 05.0004 ir=1 isc=6 nib=0x2000',
      'Guest1.0: aqic 05.0004 ir=1 isc=6 nib=0x2000',
      undefined,
    ],
    ['host: tapq 05.0004 => status=80000000', 'host: tapq 05.0004', 'status=80000000'],
    ['Guest1.0: psw p=1 am=31', 'Guest1.0: psw p=1 am=31', undefined],
    ['Guest1.0: mem 0x4000 = 000102ff', 'Guest1.0: mem 0x4000 = 000102ff', undefined],
    ['Guest1.0: mem 16384 = 00*4096', 'Guest1.0: mem 0x4000 = 00*4096', undefined],
    ['Guest1.0: mem 0x2000 1 => 01', 'Guest1.0: mem 0x2000 1', '01'],
    ['Guest1.0: io => isc=6 word=b0000000', 'Guest1.0: io', 'isc=6 word=B0000000'],
    ['Guest1.0: io => none', 'Guest1.0: io', 'none'],
    ['clock: advance 2000us', 'clock: advance 2ms', undefined],
    ['clock: run => now=5ms', 'clock: run', 'now=5ms'],
    [
      'sysfs: echo "#5" > /a/$Guest2/b => EADDRINUSE # why',
      'sysfs: echo "#5" > /a/$Guest2/b',
      'EADDRINUSE',
    ],
    ['sysfs: cat /a => "x\\ny\\t\\"\\\\"', 'sysfs: cat /a', '"x\\ny\\t\\"\\\\"'],
    ['lpar: deconfigure 5 => ok', 'lpar: deconfigure 0x05', 'ok'],
    ['lpar: busy 05.0004 100us', 'lpar: busy 05.0004 100us', undefined],
    ['fault: 06.0004 on=dqap rc=5 count=1', 'fault: 06.0004 on=dqap rc=05 count=1', undefined],
    ['fault: Guest1 drop=1', 'fault: Guest1 on=nqap drop=1', undefined],
    ['fault: any on=nqap cc=2 every=4096', 'fault: any on=nqap cc=2 every=4096', undefined],
    [
      'fault: 05.0004 reply=82/8A function=PK count=1',
      'fault: 05.0004 on=nqap reply=82/8a function=PK count=1',
      undefined,
    ],
    ['fault: any reply=86/8B/001234', 'fault: any on=nqap reply=86/8b/1234', undefined],
    ['fault: any reply=cca/8/2290', 'fault: any on=nqap reply=cca/8/2290', undefined],
    ['fault: any reply=ep11/00000005', 'fault: any on=nqap reply=ep11/5', undefined],
    [
      'fault: Guest1 reply=shape/wrong-type/0x84 function=38',
      'fault: Guest1 on=nqap reply=shape/wrong-type/132 function=38',
      undefined,
    ],
    ['fault: clear', 'fault: clear', undefined],
  ])('%s', (line, operation, expectation) => {
    const printed = printStatement({ ...one(line), comment: undefined });
    const [left, right] = printed.split(/ +=> /);
    expect([left, right]).toEqual([operation, expectation]);
  });

  it('keeps its comment', () => {
    expect(one('clock: run # wait for "it" => here').comment).toBe(' wait for "it" => here');
  });
});
