// SPDX-License-Identifier: Apache-2.0
// What a guest sees of a configuration change: docs/reference/config-change.md sections 2 and 3, the tables row by row.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FACILITY_AP } from '../../native-like/arch/facilities.ts';
import { actOnUserSpace } from '../../src/host/machine/user-space.ts';
import { Bench } from '../kvm/bench.ts';

const MATRIX = '/sys/devices/vfio_ap/matrix';
const CHSC = 0xb25f0030 | 0;
const STCRW = 0xb2393000 | 0;
const BLOCK = 0x4000;
const SEI = [0, 0x10, 0, 0x0e, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.create();
});
afterEach(() => bench.close());

const cpu = () => bench.machine.guest('Guest1').cpu(0).cpu;

/** Executes an instruction with GR3; its condition code, or program-interruption code as text. */
const execute = (instruction: number, gr3: number): number | string => {
  cpu().setGr(3, 0, gr3);
  const interrupted = cpu().execute(instruction) !== 0;
  return interrupted
    ? `program interruption ${cpu().programInterruption().toString(16)}`
    : cpu().conditionCode();
};

const write = (file: string, text: string): void => {
  const { uuid } = bench.machine.guest('Guest1');
  expect(bench.machine.write(`${MATRIX}/${uuid}/${file}`, `${text}\n`)).toBe('ok');
};
/** Two changes that each write the masks once. */
const change = (): void => write('unassign_domain', '71');
const changeBack = (): void => write('assign_domain', '71');

const user = (word: string): void => {
  expect(actOnUserSpace(bench.machine, 'Guest1', word)).toBe(true);
};

/** STCRW: condition code and word. */
const stcrw = (): readonly [number | string, number] => {
  cpu().writeStorage(0x3000, Uint8Array.of(0xee, 0xee, 0xee, 0xee));
  const cc = execute(STCRW, 0x3000);
  return [cc, new DataView(cpu().readStorage(0x3000, 4).buffer).getUint32(0)];
};

/** CHSC store event information: the first sixteen bytes behind the request. */
const sei = (request: readonly number[] = SEI): string => {
  cpu().writeStorage(BLOCK, new Uint8Array(4096).fill(0xee));
  cpu().writeStorage(BLOCK, Uint8Array.from(request));
  expect(execute(CHSC, BLOCK)).toBe(0);
  return Buffer.from(cpu().readStorage(BLOCK + request.length, 16)).toString('hex');
};
const STORED = '000c00010000000000000503eeeeeeee';
const STORED_MORE = '000c00010000000080000503eeeeeeee';
const NOTHING = '0008000500000000eeeeeeeeeeeeeeee';

describe('a change of the guest masks', () => {
  it('makes a machine check with channel report pending, taken by a vCPU that is enabled for it', () => {
    cpu().enableMachineChecks(true);
    expect(cpu().takeMachineCheck()).toBe(false);
    change();
    cpu().enableMachineChecks(false);
    expect(cpu().takeMachineCheck()).toBe(false);
    cpu().enableMachineChecks(true);
    expect(cpu().takeMachineCheck()).toBe(true);
    // Channel report pending is bit 9 of the interruption code.
    expect(cpu().readStorage(0xe8, 8)[1] & 0x40).toBe(0x40);
    expect(cpu().takeMachineCheck()).toBe(false);
  });

  it('gives one channel report word: reporting source B, code 0, cssid 0, neither solicited nor chained', () => {
    expect(stcrw()).toEqual([1, 0]);
    change();
    expect(stcrw()).toEqual([0, 0x0b000000]);
    expect(stcrw()).toEqual([1, 0]);
  });

  it('is told once at attach only after user space has registered: the first write of masks is not seen', () => {
    bench.machine.detach('Guest1');
    expect(bench.machine.attach('Guest1')).toBe('ok');
    expect(stcrw()).toEqual([1, 0]);
    expect(sei()).toBe(NOTHING);
  });

  it('of another guest tells this one nothing', () => {
    const { uuid } = bench.machine.guest('Guest2');
    bench.machine.write(`${MATRIX}/${uuid}/unassign_domain`, '71\n');
    expect(stcrw()).toEqual([1, 0]);
  });

  it('is told to nobody on a kernel before 6.15, and user space warns', async () => {
    bench.close();
    bench = await Bench.create({ kernel: 'linux-6.12' });
    change();
    expect(stcrw()).toEqual([1, 0]);
    expect(bench.machine.userLog.get('Guest1')).toBe(
      'vfio: IRQ 1 not available (number of irqs 1)',
    );
  });
});

describe('store event information', () => {
  it('answers twelve bytes: length, code 1, flags 0, reporting source 5, content code 3', () => {
    change();
    expect(sei()).toBe(STORED);
  });

  it('answers code 5 with the minimum length when nothing is stored, after a channel report as well', () => {
    expect(sei()).toBe(NOTHING);
    change();
    expect(sei()).toBe(STORED);
    expect(stcrw()).toEqual([0, 0x0b000000]);
    expect(sei()).toBe(NOTHING);
  });

  it('has nothing for a guest whose CPU model has no ap', () => {
    change();
    bench.facilities((word) => word & ~FACILITY_AP);
    expect(sei()).toBe(NOTHING);
  });

  it('cannot be asked not to store NT0: the selection mask does not matter', () => {
    change();
    expect(sei([...SEI.slice(0, 8), 0, 0, 0, 0, 0, 0, 0, 0])).toBe(STORED);
  });

  it('says more until the last of several events, and one channel report covers them', () => {
    change();
    changeBack();
    change();
    expect(stcrw()).toEqual([0, 0x0b000000]);
    expect(stcrw()).toEqual([1, 0]);
    expect([sei(), sei(), sei(), sei()]).toEqual([STORED_MORE, STORED_MORE, STORED, NOTHING]);
    changeBack();
    expect(stcrw()).toEqual([0, 0x0b000000]);
  });

  it('coalesces changes while the main loop of user space is busy: one event', () => {
    user('busy');
    change();
    changeBack();
    change();
    expect(stcrw()).toEqual([1, 0]);
    user('idle');
    expect(stcrw()).toEqual([0, 0x0b000000]);
    expect([sei(), sei()]).toEqual([STORED, NOTHING]);
  });

  it('answers code 4 to every other command', () => {
    expect(sei([0, 0x10, 0, 0x02, ...SEI.slice(4)])).toBe('0008000400000000eeeeeeeeeeeeeeee');
  });
});

describe('CHSC and STCRW end with a program interruption', () => {
  it.each<[string, () => number | string, string]>([
    ['CHSC of a block off its page', () => execute(CHSC, BLOCK + 8), 'program interruption 6'],
    ['CHSC outside storage', () => execute(CHSC, 0x7ffff000), 'program interruption 5'],
    ['STCRW of an operand off its word', () => execute(STCRW, 0x3002), 'program interruption 6'],
    ['STCRW outside storage', () => execute(STCRW, 0x7ffffff0), 'program interruption 5'],
  ])('%s', (_, act, expected) => {
    change();
    expect(act()).toBe(expected);
    // Nothing was taken.
    expect(stcrw()).toEqual([0, 0x0b000000]);
    expect(sei()).toBe(STORED);
  });

  it.each([
    [8, 'below 16'],
    [4096, 'above 4088'],
    [20, 'no multiple of 8'],
  ])('operand: a request length of %i, %s', (length) => {
    cpu().writeStorage(BLOCK, Uint8Array.of(length >> 8, length & 0xff, 0, 0x0e));
    expect(execute(CHSC, BLOCK)).toBe('program interruption 15');
  });

  it('privileged operation: in problem state', () => {
    bench.psw({ problem: true });
    expect(execute(CHSC, BLOCK)).toBe('program interruption 2');
    expect(execute(STCRW, 0x3000)).toBe('program interruption 2');
  });
});

describe('what goes wrong with event information', () => {
  it('lost: the change is not told, the next one is', () => {
    user('lost');
    change();
    expect([stcrw(), sei()]).toEqual([[1, 0], NOTHING]);
    changeBack();
    expect([stcrw(), sei()]).toEqual([[0, 0x0b000000], STORED]);
  });

  it('doubled: the change is told twice, under one channel report', () => {
    user('doubled');
    change();
    expect([stcrw(), sei(), sei(), sei()]).toEqual([[0, 0x0b000000], STORED_MORE, STORED, NOTHING]);
  });

  it('without change: an event for nothing', () => {
    user('event');
    expect([stcrw(), sei()]).toEqual([[0, 0x0b000000], STORED]);
  });

  it('another reporting source than 5', () => {
    user('source=7');
    change();
    expect(sei()).toBe('000c00010000000000000703eeeeeeee');
    expect(actOnUserSpace(bench.machine, 'Guest1', 'source=256')).toBe(false);
  });

  it('more for ever: every answer is an event, and no second channel report comes', () => {
    user('more');
    change();
    expect(stcrw()).toEqual([0, 0x0b000000]);
    for (let n = 0; n < 5; n++) expect(sei()).toBe(STORED_MORE);
    changeBack();
    expect(stcrw()).toEqual([1, 0]);
    user('normal');
    expect([sei(), sei()]).toEqual([STORED, NOTHING]);
  });
});

it('a guest that starts again has no reports', () => {
  change();
  bench.machine.restartProgram(bench.machine.guest('Guest1').number);
  expect([stcrw(), sei()]).toEqual([[1, 0], NOTHING]);
});
