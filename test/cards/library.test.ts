// SPDX-License-Identifier: Apache-2.0
// machine.exec and machine.fault of the library. Source: docs/design.md section 9.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ApemuError,
  completed,
  exec,
  type Machine,
  restoreMachine,
  saveMachine,
} from '../../src/index.ts';
import { cardMachine } from './support.ts';

let machine: Machine;
beforeEach(async () => {
  machine = await cardMachine();
});
afterEach(() => machine.close());

const QUEUE = '08.0004';

describe('machine.exec', () => {
  it('gives a record for each line, and no mismatch where everything is as it says', () => {
    const { records, mismatches, instructions, steps } = machine.exec(
      `apemu-program 1\n# a comment\nA.0: tapq ${QUEUE} => cc=0 rc=00\nclock: run\nhost: tapq ${QUEUE} => cc=0\n`,
    );
    expect(mismatches).toEqual([]);
    expect({ steps, instructions }).toEqual({ steps: 3, instructions: 2 });
    expect(records.map((record) => [record.line, record.operation, record.cc])).toEqual([
      [3, `A.0: tapq ${QUEUE}`, 0],
      [4, 'clock: run', undefined],
      [5, `host: tapq ${QUEUE}`, 0],
    ]);
  });

  it('says what differs, and goes on', () => {
    const text = `apemu-program 1\nA.0: tapq ${QUEUE} => rc=01\nA.0: tapq 09.0004 => rc=01\n`;
    const { mismatches, records } = machine.exec(text, { file: 'mine.ap' });
    expect(mismatches).toMatchObject([
      { file: 'mine.ap', line: 2, differences: [{ field: 'rc', expected: '01', got: '00' }] },
    ]);
    expect(records).toHaveLength(2);
    expect(records[0]?.mismatch).toEqual(mismatches[0]?.differences);
  });

  it('shares the machine’s state with calls, and state stays from program to program', () => {
    machine.exec(`apemu-program 1\nA.0: mem 0x3000 = 0102\nA.0: insn b2af0000 gr9=7\n`);
    expect([...machine.guest('A').storage.slice(0x3000, 0x3002)]).toEqual([1, 2]);
    const { mismatches } = machine.exec(
      'apemu-program 1\nA.0: mem 0x3000 2 => 0102\nA.0: insn b2af0000 => gr9=7\n',
    );
    expect(mismatches).toEqual([]);
  });

  it('refuses what is no program, and what the machine does not have, with the line', () => {
    for (const text of ['tapq', 'apemu-program 1\nC.0: tapq 05.0004\n']) {
      let error: unknown;
      try {
        machine.exec(text);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(ApemuError);
      expect((error as ApemuError).place?.line).toBe(text.split('\n').length > 1 ? 2 : 1);
    }
  });

  it('exists on a restored machine, and as a function', async () => {
    const restored = await restoreMachine(saveMachine(machine));
    const text = `apemu-program 1\nA.0: tapq ${QUEUE} => rc=00\n`;
    expect(restored.exec(text).mismatches).toEqual([]);
    expect(exec(restored, text).instructions).toBe(1);
    restored.close();
  });
});

describe('machine.fault', () => {
  it('takes the keys of a configuration', () => {
    machine.fault({ guest: 'A', on: 'tapq', rc: 9, count: 1 });
    const rc = (): number => completed(machine.guest('A').cpu().tapq(QUEUE)).status.rc;
    expect([rc(), rc()]).toEqual([9, 0]);
  });

  it.each<readonly [Parameters<Machine['fault']>[0], RegExp]>([
    [{ rc: 5 }, /names no queue/],
    [{ guest: 'C', rc: 5 }, /no guest C .expected one of A, B/],
    [{ apqn: '05.0004', rc: 256 }, /rc is 256/],
    [{ apqn: '05.0004', reply: '99/1' }, /99\/1 is no reply/],
    [{ apqn: '05.0004', reply: 'shape/rng-long' }, /allowGuestDamage/],
  ])('refuses %j as a configuration would', (fault, message) => {
    expect(() => machine.fault(fault)).toThrow(message);
    expect(() => machine.fault(fault)).toThrow(ApemuError);
  });
});
