// SPDX-License-Identifier: Apache-2.0
// Times of a configuration's faults count from when guests begin, not from when the host side began to boot.
// Source: docs/design.md section 5 (faults, at).
import { describe, expect, it } from 'vitest';
import { completed, restoreMachine, saveMachine } from '../../src/index.ts';
import { cardMachine } from './support.ts';

const MS = 1_000_000;
const QUEUE = '08.0004';
const faults = [{ apqn: QUEUE, on: 'tapq', rc: 9, at: [0, '2ms'] }];

describe('a fault of the configuration at a time', () => {
  it('strikes at that time after the machine is ready, although booting took virtual time', async () => {
    const machine = await cardMachine({ faults });
    expect(machine.startNs).toBeGreaterThan(MS);
    expect(machine.nowNs()).toBe(machine.startNs);
    const tapq = (): number => completed(machine.guest('A').cpu().tapq(QUEUE)).status.rc;
    expect([tapq(), tapq()]).toEqual([9, 0]);
    machine.advance(2 * MS - 1);
    expect(tapq()).toBe(0);
    machine.advance(1);
    expect([tapq(), tapq()]).toEqual([9, 0]);
    machine.close();
  });

  it('declared by a call counts from the same moment, and so it does after restoring', async () => {
    const first = await cardMachine();
    first.advance(5 * MS);
    const machine = await restoreMachine(saveMachine(first));
    first.close();
    machine.fault({ apqn: QUEUE, on: 'tapq', rc: 9, at: '6ms' });
    const tapq = (): number => completed(machine.guest('A').cpu().tapq(QUEUE)).status.rc;
    expect(tapq()).toBe(0);
    machine.advance(MS);
    expect(tapq()).toBe(9);
    machine.close();
  });

  it('of an AP program counts from the program’s first line, also on a machine that has run', async () => {
    const machine = await cardMachine();
    machine.advance(7 * MS);
    const program = `apemu-program 1
fault: ${QUEUE} on=tapq rc=09 at=1ms
A.0: tapq ${QUEUE}     => rc=00
clock: advance 1ms     => now=1ms
A.0: tapq ${QUEUE}     => rc=09
`;
    expect(machine.exec(program).mismatches).toEqual([]);
    machine.close();
  });
});
