// SPDX-License-Identifier: Apache-2.0
// Section 4.7: reset of queues with its poll, and what the result means for the guest.
import { describe, expect, it } from 'vitest';
import { FakeVm } from './fake-vm.ts';
import { BUS, MATRIX, TypedHost, UUID1 } from './typed.ts';

const M1 = `${MATRIX}/${UUID1}`;
const MS = 1_000_000;

function ready(options = {}): { host: TypedHost; freed: number[] } {
  const freed: number[] = [];
  const interrupts = {
    freeResources: (apqn: number) => {
      freed.push(apqn);
    },
    *disable() {},
    nibPage: () => undefined,
  };
  const host = new TypedHost({ interrupts, ...options });
  host.echo('-5', `${BUS}/apmask`);
  host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4, 0x47] });
  host.timers.advance(100 * MS); // the host's own queues finish their set-up
  host.partition.zapqs = [];
  return { host, freed };
}

/** Answers from a list, then the normal one. */
const script = (answers: readonly number[]) => {
  const left = [...answers];
  return () => left.shift();
};

describe('ZAPQ answers', () => {
  it.each<[string, number[], number[], number, number[], string]>([
    // name, ZAPQ, TAPQ, waited ms, freed, ioctl
    ['00 and TAPQ 00 at once', [], [], 0, [0x0504, 0x0547], 'ok'],
    ['00 and TAPQ 02 three times (R-12)', [], [2, 0, 2, 2], 60, [0x0547, 0x0504], 'ok'],
    ['00 and TAPQ 05 for long (R-15)', [], [5, 0, 5, 5, 5, 5], 100, [0x0547, 0x0504], 'ok'],
    ['02: reset once more after TAPQ 00', [2, 0, 0], [], 20, [0x0547, 0x0504], 'ok'],
    ['0A: reset once more', [10, 0, 0], [], 20, [0x0547, 0x0504], 'ok'],
    ['03: done, resources freed (R-13)', [3, 3], [], 0, [0x0504, 0x0547], 'EIO'],
    ['04: done, resources freed', [4, 4], [], 0, [0x0504, 0x0547], 'EIO'],
    ['an unknown code: given up', [0x42, 0], [], 0, [0x0547], 'EIO'],
    ['00 and TAPQ with an unknown code: given up', [], [0x42], 0, [0x0547], 'ok'],
    ['00 and TAPQ 35: reset once more', [], [0x35], 20, [0x0547, 0x0504], 'ok'],
  ])('%s', (_, zapq, tapq, waitedMs, freed, outcome) => {
    const { host, freed: actual } = ready();
    const file = host.start(new FakeVm('Guest1'));
    actual.length = 0;
    host.partition.zapqScript = script(zapq);
    host.partition.tapqScript = script(tapq);
    const start = host.timers.nowNs();
    const answer = host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
    expect(answer.errno ?? 'ok').toBe(outcome);
    expect((host.timers.nowNs() - start) / MS).toBe(waitedMs);
    expect(actual).toEqual(freed);
  });

  it.each<[string, number[], number, number[], string]>([
    // name, ZAPQ, waited ms, freed, log
    ['00', [], 0, [0x0504, 0x0547], ''],
    ['02 once: repeated after 20 ms', [2, 0, 0], 20, [0x0504, 0x0547], ''],
    ['01: given up, resources freed', [1, 0], 0, [0x0504, 0x0547], ''],
    ['05: an error with a warning, nothing freed', [5, 0], 0, [0x0547], 'invalid rc=5'],
  ])('in linux-6.1: %s', (_what, zapq, waitedMs, freed, log) => {
    const { host, freed: actual } = ready({ profile: 'linux-6.1' });
    const file = host.start(new FakeVm('Guest1'));
    actual.length = 0;
    host.partition.zapqScript = script(zapq);
    const start = host.timers.nowNs();
    host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
    expect((host.timers.nowNs() - start) / MS).toBe(waitedMs);
    expect(actual).toEqual(freed);
    expect(host.host.journal.log.map(({ text }) => text).join('\n')).toContain(log);
  });

  it.each([
    ['linux-6.1', [0x0504]],
    ['linux-6.12', [0x0504, 0x0547]],
  ] as const)(
    'of an unbound queue whose guest loses the adapter: %s resets %j',
    (profile, zapqs) => {
      const { host } = ready({ profile });
      host.start(new FakeVm('Guest1'));
      host.partition.zapqs = [];
      host.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`);
      // The bus's own ZAPQ comes last.
      expect(host.partition.zapqs).toEqual([...zapqs, 0x0504]);
    },
  );

  it('leave log lines with the texts of section 3.8', () => {
    const { host } = ready();
    const file = host.start(new FakeVm('Guest1'));
    host.partition.zapqScript = script([0x42, 0]);
    host.partition.tapqScript = script([2, 2, 0x42]);
    host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
    expect(host.log()).toEqual(
      expect.arrayContaining([
        'PQAP/ZAPQ for 05.0004 failed with invalid rc=66',
        'Waited 20ms for reset of queue 05.0047 (2, 0, 0)',
        'failed to verify reset of queue 05.0047: TAPQ rc=66',
      ]),
    );
  });
});

describe('passability', () => {
  it.each<[number, 'current' | 'linux-6.1', string[]]>([
    [0, 'current', ['05.0004', '05.0047']],
    [3, 'current', ['05.0004', '05.0047']],
    [4, 'current', ['05.0004', '05.0047']],
    [3, 'linux-6.1', ['.0004', '.0047']],
    [1, 'current', ['.0004', '.0047']],
    [0x42, 'current', ['.0004', '.0047']],
  ])('a last reset with RC %i in %s lets through %j', (rc, profile, expected) => {
    const { host } = ready({ profile });
    const file = host.start(new FakeVm('Guest1'));
    host.partition.zapqScript = () => rc;
    host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
    host.echo('9', `${M1}/assign_domain`); // not in the configuration: runs the filter only
    expect(host.guestMatrix()).toEqual(expected);
  });

  it('a deconfigured adapter stays in the guest (R-14)', () => {
    const { host } = ready();
    host.start(new FakeVm('Guest1'));
    host.echo('0', '/sys/devices/ap/card05/config');
    host.echo('1', `${BUS}/scans`);
    expect(host.guestMatrix()).toEqual(['05.0004', '05.0047']);
  });
});

describe('many queues', () => {
  it('are reset in the time of one (R-17)', () => {
    const { host } = ready();
    const file = host.start(new FakeVm('Guest1'));
    const end = host.timers.nowNs() + 100 * MS;
    host.partition.tapqScript = () => (host.timers.nowNs() < end ? 2 : undefined);
    const start = host.timers.nowNs();
    host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
    expect(host.timers.nowNs() - start).toBe(100 * MS);
  });

  it('one that never ends blocks the other files of vfio_ap, without limit (R-16, R-17)', () => {
    const { host } = ready();
    host.start(new FakeVm('Guest1'));
    host.partition.tapqScript = (apqn) => (apqn === 0x0504 ? 2 : undefined);
    const unassign = host.host.sysfs.write(`${M1}/unassign_domain`, '4\n');
    for (let i = 0; i < 10_000; i++) expect(unassign.next().done).toBe(false);
    expect(host.cat(`${M1}/matrix`)).toBe('EINTR');
    expect(host.cat(`${BUS}/apmask`)).toMatch(/^0x/);
    host.partition.tapqScript = () => undefined;
    expect(unassign.next()).toEqual({ done: true, value: 'ok' });
    expect(host.cat(`${M1}/matrix`)).toBe('05.0047\n');
  });
});
