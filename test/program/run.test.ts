// SPDX-License-Identifier: Apache-2.0
// The runner: what a line loads, what is compared, what is printed and recorded; on a scripted machine.

import { describe, expect, it } from 'vitest';
import { MistakesError } from '../../src/config/mistakes.ts';
import { ApemuError } from '../../src/errors.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { formatMismatch, shellWord } from '../../src/program/report.ts';
import { type ProgramRecord, RunnableProgram, type RunResult } from '../../src/program/run.ts';
import { type Behaviour, FakeMachine } from './fake-machine.ts';

const bind = (lines: string, machine: FakeMachine) =>
  new RunnableProgram(parseProgram(`apemu-program 1\n${lines}\n`, 'p.ap'), machine);
const run = (lines: string, machine = new FakeMachine()): RunResult => bind(lines, machine).run();

const differences = (result: RunResult) =>
  result.mismatches.flatMap(({ line, differences: list }) =>
    list.map(({ field, expected, got }) => `${line} ${field} ${expected} ${got}`),
  );

/** GR1 = this status, condition code 3 unless the response code is 00. */
const status =
  (low: number): Behaviour =>
  (cpu) => {
    cpu.setGr(1, 0, low);
    return { cc: ((low >>> 16) & 0xff) === 0 ? 0 : 3 };
  };

function gr(machine: FakeMachine, n: number): string {
  const cpu = machine.cpu('Guest1', 0);
  const half = (value: number | undefined) => ((value ?? 0) >>> 0).toString(16).padStart(8, '0');
  return half(cpu?.grHigh(n)) + half(cpu?.grLow(n));
}

describe('an instruction line loads the registers of the reference', () => {
  it.each([
    ['tapq 05.0004', 0xb2af0000, { 0: '0000000000000504' }],
    ['tapq 05.0004 t=1', 0xb2af0000, { 0: '0000000000800504' }],
    ['rapq 05.0004', 0xb2af0000, { 0: '0000000001000504' }],
    ['rapq 05.0004 f=1', 0xb2af0000, { 0: '0000000001400504' }],
    ['zapq 05.0004', 0xb2af0000, { 0: '0000000002000504' }],
    [
      'aqic 05.0004 ir=1 isc=6 nib=0x2000',
      0xb2af0000,
      { 0: '0000000003000504', 1: '0000800000000006', 2: '0000000000002000' },
    ],
    ['aqic 05.0004 ir=1 gisc=6 gisa=0x1f00a900 isc=5 nib=1', 0xb2af0000, { 1: '000086001f00a905' }],
    ['aqic 05.0004 zone=0xff gf=3', 0xb2af0000, { 1: '00ff000300000000' }],
    ['qci addr=0x3000', 0xb2af0000, { 0: '0000000004000000', 2: '0000000000003000' }],
    [
      'qact 05.0004 mode=4 cat=14 ver=1',
      0xb2af0000,
      { 0: '0000000005000504', 1: '100000000e000001' },
    ],
    ['qbap addr=8', 0xb2af0000, { 0: '0000000006000000', 2: '0000000000000008' }],
    ['bapq 05.0004', 0xb2af0000, { 0: '0000000007000504' }],
    ['aapq 05.0004 secret=0xffff', 0xb2af0000, { 0: '0000000008000504', 2: '000000000000ffff' }],
    [
      'nqap 05.0004 psmid=1122334455667788 addr=0x4000 len=64',
      0xb2ad0046,
      {
        0: '0000000040000504',
        4: '0000000011223344',
        5: '0000000055667788',
        6: '0000000000004000',
        7: '0000000000000040',
      },
    ],
    ['nqap 05.0004 special=1', 0xb2ad0046, { 0: '0000000040400504' }],
    [
      'nqap 05.0004 l=0 r1=14 r2=2 addr=1',
      0xb2ad00e2,
      { 0: '0000000000000504', 2: '0000000000000001' },
    ],
    [
      'dqap 05.0004 addr=0x5000 len=0x3000',
      0xb2ae0046,
      {
        0: '0000000080000504',
        2: '0000000000000000',
        6: '0000000000005000',
        7: '0000000000003000',
      },
    ],
    ['dqap 05.0004 token=01010504', 0xb2ae0046, { 0: '0000000001010504' }],
    [
      'insn b2af0037 gr0=2a000504 gr15=ffffffffffffffff',
      0xb2af0037,
      { 0: '000000002a000504', 15: 'ffffffffffffffff' },
    ],
    ['tapq 05.0004 gr0=1 gr2=ff', 0xb2af0000, { 0: '0000000000000001', 2: '00000000000000ff' }],
  ])('%s', (line, word, registers) => {
    const machine = new FakeMachine();
    run(`Guest1.0: ${line}`, machine);
    expect(machine.cpu('Guest1', 0)?.executed).toEqual([word]);
    for (const [n, value] of Object.entries(registers)) expect(gr(machine, Number(n))).toBe(value);
  });

  it('registers that are not named keep their value', () => {
    const machine = new FakeMachine();
    run('Guest1.0: insn b2af0000 gr9=abc\nGuest1.0: tapq 05.0004', machine);
    expect(gr(machine, 9)).toBe('0000000000000abc');
  });

  it('each vCPU and the host have their own', () => {
    const machine = new FakeMachine();
    run('Guest1.1: tapq 05.0004\nhost: rapq 05.0004', machine);
    expect(machine.cpu('Guest1', 0)?.executed).toEqual([]);
    expect(machine.cpu('Guest1', 1)?.executed).toHaveLength(1);
    expect(machine.cpu(undefined, 0)?.executed).toHaveLength(1);
  });
});

describe('expectations', () => {
  it.each([
    ['cc=3 rc=01', status(0x00010000), []],
    ['cc=0 rc=01', status(0x00010000), ['2 cc 0 3']],
    ['status=80000000', status(0x80000000 | 0), []],
    ['status=81000000 rc=00', status(0x80000000 | 0), ['2 status 81000000 80000000']],
    ['pgm=0006', () => ({ pgm: 6 }), []],
    ['pgm=0002', () => ({ pgm: 6 }), ['2 pgm 0002 0006']],
    ['pgm=0006', status(0), ['2 pgm 0006 0000']],
    ['pgm=0', status(0), []],
    [
      'cc=0 rc=00',
      () => ({ pgm: 6 }),
      ['2 cc 0 program interruption 0006', '2 rc 00 program interruption 0006'],
    ],
    [
      'gr2=F28000000E540307',
      (cpu) => {
        cpu.setGr(2, 0xf2800000 | 0, 0x0e540307);
        return {};
      },
      [],
    ],
    [
      'gr2=F28000000E540307',
      (cpu) => {
        cpu.setGr(2, 0xf2800001 | 0, 0x0e540307);
        return {};
      },
      ['2 gr2 F28000000E540307 F28000010E540307'],
    ],
  ] satisfies [string, Behaviour, string[]][])('=> %s', (expectation, behaviour, expected) => {
    expect(
      differences(run(`Guest1.0: tapq 05.0004 => ${expectation}`, new FakeMachine(behaviour))),
    ).toEqual(expected);
  });

  it('of a reply: PSMID from the low halves, updated pair, token', () => {
    const reply: Behaviour = (cpu) => {
      cpu.setGr(4, 0, 0x11223344);
      cpu.setGr(5, 0, 0x55667788);
      cpu.setGr(6, 1, 0x5040);
      cpu.setGr(7, 0, 0x2fc0);
      cpu.setGr(0, 0, 0x01010504);
      return { cc: 1 };
    };
    const line =
      'Guest1.0: dqap 05.0004 => cc=1 psmid=1122334455667788 addr=0x100005040 len=0x2fc0 token=1010504';
    expect(differences(run(line, new FakeMachine(reply)))).toEqual([]);
    expect(differences(run(line.replace('7788', '7789'), new FakeMachine(reply)))).toEqual([
      '2 psmid 1122334455667789 1122334455667788',
    ]);
  });

  it('without => nothing is checked, and after a mismatch the program goes on', () => {
    const machine = new FakeMachine(() => ({ pgm: 6 }));
    const result = run(
      'Guest1.0: tapq 05.0004\nGuest1.0: tapq 05.0004 => cc=0\nGuest1.0: tapq 05.0004 => cc=1',
      machine,
    );
    expect(result).toMatchObject({ steps: 3, instructions: 3 });
    expect(result.mismatches.map(({ line }) => line)).toEqual([3, 4]);
  });

  it('of storage show the first byte that differs', () => {
    expect(
      differences(run('Guest1.0: mem 0x2000 = 0102\nGuest1.0: mem 0x2000 3 => 010200')),
    ).toEqual([]);
    expect(differences(run('Guest1.0: mem 0x2000 3 => 000001'))).toEqual(['2 bytes 000001 000000']);
    expect(
      differences(run('Guest1.0: mem 0x2064 = 07\nGuest1.0: mem 0x2000 200 => 00*200')),
    ).toEqual([
      '3 bytes at 0x2064 00000000000000000000000000000000 07000000000000000000000000000000',
    ]);
  });

  it('of interruptions', () => {
    const machine = new FakeMachine();
    machine.cpu('Guest1', 0)?.interruptions.push(0xb0000000 | 0, 0xa8000000 | 0, 0xa8000000 | 0);
    const io = 'Guest1.0: io => ';
    expect(
      differences(
        run(`${io}isc=6 word=B0000000\n${io}isc=6\n${io}none\n${io}none\n${io}isc=5`, machine),
      ),
    ).toEqual(['3 isc 6 5', '4 io none isc=5 word=A8000000', '6 io isc=5 none']);
  });

  it('of the PSW', () => {
    expect(
      differences(
        run(
          'Guest1.0: psw p=1 am=31 ia=10004\nGuest1.0: psw => p=1 am=31 ia=10004 key=3 cr6=FF000000',
        ),
      ),
    ).toEqual(['3 key 3 0']);
  });

  it('of the clock', () => {
    expect(
      differences(run('clock: advance 2ms\nclock: run => now=3ms\nclock: advance 1us => now=3ms')),
    ).toEqual(['4 now 3ms 3001us']);
  });

  it.each([
    ['ok', { kind: 'ok', text: '' }, []],
    ['ok', { kind: 'ok', text: 'something\n' }, []],
    ['"a\\n"', { kind: 'ok', text: 'a\n' }, []],
    ['""', { kind: 'ok', text: '' }, []],
    ['"b\\n"', { kind: 'ok', text: 'a\n' }, ['2 text "b\\n" "a\\n"']],
    ['EADDRINUSE', { kind: 'errno', name: 'EADDRINUSE' }, []],
    ['EADDRINUSE', { kind: 'errno', name: 'EINVAL' }, ['2 result EADDRINUSE EINVAL']],
    ['EADDRINUSE', { kind: 'ok', text: '' }, ['2 result EADDRINUSE ok']],
    ['ok', { kind: 'pending' }, ['2 result ok pending']],
    ['pending', { kind: 'pending' }, []],
  ] as const)('of sysfs: %s against %j', (expectation, answer, expected) => {
    const machine = new FakeMachine();
    machine.answers.set('cat /a', answer);
    expect(differences(run(`sysfs: cat /a => ${expectation}`, machine))).toEqual(expected);
  });
});

describe('lines about the host', () => {
  it('reach the machine in order, with $NAME replaced', () => {
    const machine = new FakeMachine();
    run(
      'sysfs: echo 5 > /m/$Guest2/assign_adapter\nlpar: deconfigure 5\nlpar: busy 05.0004 1ms\nfault: any on=dqap rc=05\nclock: run',
      machine,
    );
    expect(machine.log).toEqual([
      'sysfs echo 5 > /m/00000000-0000-4000-8000-000000000002/assign_adapter',
      'lpar deconfigure 5',
      'lpar busy 1284 1000000',
      'run',
    ]);
    expect(machine.faults).toHaveLength(1);
    run('fault: clear', machine);
    expect(machine.faults).toHaveLength(0);
  });
});

describe('what the machine does not have is refused before the first line runs', () => {
  it.each([
    [
      'Gest1.0: tapq 05.0004',
      'UNKNOWN_GUEST',
      'the machine has no guest Gest1, did you mean Guest1?',
    ],
    ['Guest1.2: tapq 05.0004', 'UNKNOWN_CPU', 'the machine has no Guest1.2'],
    ['Guest1.0: mem 0xffff 2', 'STORAGE', '0xffff + 2 is beyond storage'],
    [
      'sysfs: cat /$Guest3',
      'UNKNOWN_GUEST',
      '$Guest3 names no guest (expected one of $Guest1, $Guest2)',
    ],
    ['fault: Guest3 rc=05', 'UNKNOWN_GUEST', 'the machine has no guest Guest3'],
  ])('%s', (line, code, message) => {
    const machine = new FakeMachine();
    try {
      run(`clock: run\n${line}`, machine);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(MistakesError);
      expect((error as MistakesError).code).toBe(`APEMU_ERR_PROGRAM_${code}`);
      expect((error as MistakesError).message).toContain(message);
      expect((error as MistakesError).place).toMatchObject({ file: 'p.ap', line: 3 });
    }
    expect(machine.log).toEqual([]);
  });
});

describe('running', () => {
  it('many times gives the same each time', () => {
    const program = bind(
      'Guest1.0: tapq 05.0004 => cc=3 rc=02',
      new FakeMachine(status(0x80020000 | 0)),
    );
    expect(Array.from({ length: 3 }, () => program.run().mismatches.length)).toEqual([0, 0, 0]);
  });

  it('in slices is the same as in one go', () => {
    const machine = new FakeMachine();
    const program = bind('clock: run\nclock: advance 1ms\nclock: run => now=9ms', machine);
    const slices = [0, 2, 4].map((from) => program.run({ from, limit: 2 }));
    expect(slices.map(({ steps }) => steps)).toEqual([2, 1, 0]);
    expect(slices[1].mismatches[0].differences[0].got).toBe('3ms');
  });

  it('an error of ours carries the line', () => {
    const machine = new FakeMachine(() => {
      throw new ApemuError('APEMU_ERR_HOST_BROKEN', 'broken');
    });
    try {
      run('\nGuest1.0: tapq 05.0004', machine);
      expect.unreachable();
    } catch (error) {
      expect((error as ApemuError).place).toEqual({ file: 'p.ap', line: 3 });
    }
  });
});

describe('records', () => {
  it('hold registers in and out, endings, results and what differed', () => {
    const machine = new FakeMachine(status(0x80020000 | 0));
    machine.cpu('Guest1', 0)?.interruptions.push(0xb0000000 | 0);
    const records: ProgramRecord[] = [];
    bind(
      'Guest1.0: tapq 05.0004 t=1 => cc=0\nclock: advance 2ms\nGuest1.0: io\nGuest1.0: mem 0 2\nlpar: configure 5',
      machine,
    ).run({
      onRecord: (record) => records.push(record),
    });
    expect(records).toEqual([
      {
        file: 'p.ap',
        line: 2,
        operation: 'Guest1.0: tapq 05.0004 t=1',
        in: { gr0: '0000000000800504', gr1: '0000000000000000', gr2: '0000000000000000' },
        out: { gr0: '0000000000800504', gr1: '0000000080020000', gr2: '0000000000000000' },
        cc: 3,
        rc: '02',
        mismatch: [{ field: 'cc', expected: '0', got: '3' }],
      },
      { file: 'p.ap', line: 3, operation: 'clock: advance 2ms', ns: 2_000_000 },
      {
        file: 'p.ap',
        line: 4,
        operation: 'Guest1.0: io',
        interruption: 'B0000000',
        result: 'isc=6 word=B0000000',
      },
      { file: 'p.ap', line: 5, operation: 'Guest1.0: mem 0x0 2', result: '0000' },
      { file: 'p.ap', line: 6, operation: 'lpar: configure 0x05', result: 'ok' },
    ]);
  });

  it('of a program interruption hold its code and neither cc nor rc', () => {
    const records: ProgramRecord[] = [];
    bind('Guest1.0: tapq 05.0004', new FakeMachine(() => ({ pgm: 6 }))).run({
      onRecord: (record) => records.push(record),
    });
    expect(records[0]).toMatchObject({ pgm: '0006' });
    expect(records[0]).not.toHaveProperty('cc');
  });
});

describe('a mismatch is printed', () => {
  it('with both values and the command that replays it', () => {
    const { mismatches } = run(
      'Guest1.0: tapq 05.0004 t=1 => cc=0 rc=00',
      new FakeMachine(status(0x00010000)),
    );
    expect(formatMismatch(mismatches[0], 'apemu exec p.ap')).toBe(
      'p.ap:2: Guest1.0: tapq 05.0004 t=1\n  cc  expected 0  got 3\n  rc  expected 00  got 01\n  replay: apemu exec p.ap',
    );
  });

  it.each([
    ['a/b-c.ap', 'a/b-c.ap'],
    ["it's a file.ap", "'it'\\''s a file.ap'"],
  ])('names in the command are quoted for a shell: %s', (name, word) => {
    expect(shellWord(name)).toBe(word);
  });
});
