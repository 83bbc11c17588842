// SPDX-License-Identifier: Apache-2.0
// `machine.exec` takes lines of events: they happen to the instructions of a test, and when its time passes.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completed, createMachine, type Machine } from '../../src/index.ts';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: loopback, service: { time: 300us } } }, usageDomains: [4] }
guests: { Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } } }
`;
const QUEUE = '05.0004';
const HEAD = 'apemu-program 1\n';
const MESSAGE = { psmid: 1n, message: new Uint8Array(64) };

let machine: Machine;
beforeEach(async () => {
  machine = await createMachine(CONFIG);
});
afterEach(() => machine.close());

const cpu = () => machine.guest('Guest1').cpu();
const nqap = (): number => completed(cpu().nqap(QUEUE, MESSAGE)).status.rc;
const tapq = (): number => completed(cpu().tapq(QUEUE)).status.rc;

describe('an event line in machine.exec', () => {
  it('happens to the n-th instruction the test executes, and to no other', () => {
    machine.exec(`${HEAD}on Guest1 nqap ${QUEUE} #2: rc=05\n`);
    expect([nqap(), nqap(), nqap()]).toEqual([0, 5, 0]);
  });

  it('happens to an instruction of the same program', () => {
    const { mismatches } = machine.exec(
      `${HEAD}on tapq #2: rc=02\nGuest1.0: tapq ${QUEUE} => rc=00\nGuest1.0: tapq ${QUEUE} => rc=02\n`,
    );
    expect(mismatches).toEqual([]);
  });

  it('loses a reply', () => {
    machine.exec(`${HEAD}on nqap #1: drop\n`);
    expect(nqap()).toBe(0);
    machine.advance('1s');
    expect(completed(cpu().dqap(QUEUE)).status).toMatchObject({ rc: 0x10, queueEmpty: true });
  });

  it('happens when its time comes, counted from the program', () => {
    machine.advance('1s');
    machine.exec(`${HEAD}at 2ms: lpar: deconfigure 0x05\n`);
    machine.advance('1ms');
    expect(tapq()).toBe(0);
    machine.advance('1ms');
    expect(tapq()).toBe(3);
  });

  it('that has to wait comes to its end before another one of the same time', () => {
    const file = '/sys/devices/vfio_ap/matrix/$Guest1';
    machine.exec(
      `${HEAD}at 1ms: sysfs: echo 4 > ${file}/unassign_domain\nat 1ms: sysfs: echo 4 > ${file}/assign_domain\n`,
    );
    machine.advance('1s');
    expect(tapq()).toBe(0);
  });

  it('is replaced by those of the next program with events, and stays without', () => {
    machine.exec(`${HEAD}on tapq #1..: rc=05\n`);
    machine.exec(`${HEAD}Guest1.0: tapq ${QUEUE} => rc=05\n`);
    expect(tapq()).toBe(5);
    machine.exec(`${HEAD}on nqap #1: rc=05\n`);
    expect([tapq(), nqap(), nqap()]).toEqual([0, 5, 0]);
  });

  it.each([
    ['user: request\n', /:2:.*user: event needs a driver .*replayScenario/s],
    ['on Guest9 nqap #1: drop\n', /:2:.*no guest Guest9, did you mean Guest1/s],
  ])('that cannot be is refused at its place: %j', (line, words) => {
    expect(() => machine.exec(HEAD + line)).toThrow(words);
    expect(nqap()).toBe(0);
  });
});
