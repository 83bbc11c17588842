// SPDX-License-Identifier: Apache-2.0
// `step:` lines on the real machine: where threads stop, who goes on there, what is told when something differs.
import { describe, expect, it } from 'vitest';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { G_PINS } from '../../native-like/machine/layout.ts';
import { configFromObject } from '../../src/config/load.ts';
import { openProgramMachine } from '../../src/program/adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { type ProgramRecord, RunnableProgram } from '../../src/program/run.ts';
import { configuration } from '../kvm/bench.ts';
import { FakeMachine } from './fake-machine.ts';

const MATRIX = '/sys/devices/vfio_ap/matrix';

const run = async (lines: readonly string[], prepare?: (image: MachineImage) => void) => {
  const machine = await openProgramMachine(configFromObject(configuration({})).config);
  try {
    const text = `apemu-program 1\n${lines.join('\n')}\n`;
    const program = new RunnableProgram(parseProgram(text, 'p.ap'), machine);
    prepare?.(machine.machine.image);
    const records: ProgramRecord[] = [];
    const { mismatches } = program.run({ onRecord: (record) => records.push(record) });
    return {
      stands: records.filter(({ operation }) => operation.startsWith('step')).map((r) => r.result),
      wrong: mismatches.map(({ line, differences: [one] }) => `${line} ${one?.field}: ${one?.got}`),
    };
  } finally {
    machine.close();
  }
};

describe('a thread', () => {
  it('stops at each lock, hook write, CRYCB write and instruction of the host, and ends', async () => {
    const { stands, wrong } = await run([
      'sysfs: detach Guest1',
      'step: A sysfs: attach Guest1 => ok',
      ...Array.from({ length: 9 }, () => 'step: A'),
    ]);
    expect(stands).toEqual([
      'guests_lock taken',
      'mdevs_lock taken',
      'Guest1: before hook write',
      'Guest1: after hook write',
      'Guest1: before CRYCB write',
      'Guest1: after CRYCB write',
      'mdevs_lock released',
      'guests_lock released',
      'ended',
      'ended',
    ]);
    expect(wrong).toEqual([]);
  });

  it('goes several steps at once, and vCPU lines run in the middle of them', async () => {
    const { stands, wrong } = await run([
      'step: A sysfs: detach Guest1',
      'step: A 4',
      'Guest1.0: tapq 05.0004 => rc=00',
      'step: A 2',
      'Guest1.0: tapq 05.0004 => rc=01',
      'step: all',
    ]);
    expect(stands).toEqual([
      'guests_lock taken',
      'Guest1: before CRYCB clear',
      'before an instruction of the host',
      'ended',
    ]);
    expect(wrong).toEqual([]);
  });

  it('waits for a lock somebody holds, and goes on with its next line when one has ended', async () => {
    const { stands, wrong } = await run([
      `step: A sysfs: echo 4 > ${MATRIX}/$Guest1/unassign_domain`,
      `step: B sysfs: echo 6 > ${MATRIX}/$Guest1/assign_adapter => EADDRINUSE`,
      'step: B 2',
      `step: A sysfs: cat ${MATRIX}/$Guest1/guest_matrix => "05.0047\\n"`,
      'step: all',
    ]);
    expect(stands).toEqual([
      'guests_lock taken',
      'ap_perms_mutex taken',
      'waits for guests_lock',
      'mdevs_lock taken',
      'ended',
    ]);
    expect(wrong).toEqual([]);
  });
});

describe('what differs', () => {
  it('is told on the line in which the thread ended', async () => {
    const { wrong } = await run([
      `step: A sysfs: echo 6 > ${MATRIX}/$Guest1/assign_adapter => ok`,
      'step: B clock: advance 2ms => now=3ms',
      'step: all',
    ]);
    expect(wrong).toEqual([
      '3 clock: advance 2ms: 2ms',
      `4 sysfs: echo 6 > ${MATRIX}/$Guest1/assign_adapter: EADDRINUSE`,
    ]);
  });

  it('are threads that never end: one waits for a close that nobody does', async () => {
    const { wrong } = await run([`step: A sysfs: echo 1 > ${MATRIX}/$Guest1/remove`, 'step: all']);
    expect(wrong).toEqual(['3 end: A never ends']);
  });

  it('is a rule of the host that does not hold, once, on the line after which it was seen', async () => {
    const { wrong } = await run(
      ['step: A sysfs: reset Guest1', 'Guest1.0: tapq 05.0004', 'step: all'],
      (image) => {
        image.i32[image.guest(1) + G_PINS] = 3;
      },
    );
    expect(wrong).toEqual(['2 rule: I-5: Guest1 has 3 pages pinned for 0 queues']);
  });
});

it('a machine without steps refuses the line', () => {
  const text = 'apemu-program 1\nstep: all\n';
  expect(() => new RunnableProgram(parseProgram(text, 'p.ap'), new FakeMachine())).toThrow(
    /p\.ap:2:1: this machine has no steps/,
  );
});
