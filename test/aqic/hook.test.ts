// SPDX-License-Identifier: Apache-2.0
// vfio_ap's hook: enable, disable, and what it holds afterwards, in every host profile and for every answer of the host's AQIC.
// Source: docs/reference/ap-architecture.md sections 2.3, 3.4, 6.9; docs/reference/vfio-ap.md sections 5.2, 5.3, 5.4.
import { afterEach, describe, expect, it } from 'vitest';
import { G_GISA_FORMAT } from '../../native-like/machine/layout.ts';
import type { ProfileName } from '../../src/ap-bus/profile.ts';
import { Bench, FC_AQIC } from '../kvm/bench.ts';

const PROFILES: readonly ProfileName[] = [
  'current',
  'linux-7.2',
  'linux-6.12',
  'linux-6.1',
  'v13',
  'doc-v6',
  'strict',
];
const APQN = 0x0504;
const OTHER = 0x0547;
const NIB = 0x2000;
const MS = 1_000_000;
const NONE = { pins: 0, iscs: [0, 0, 0, 0, 0, 0, 0, 0], alertMask: 0, nib: 0, isc: undefined };
const counts = (...iscs: readonly number[]): number[] => {
  const all = [0, 0, 0, 0, 0, 0, 0, 0];
  for (const isc of iscs) all[isc] = all[isc] + 1;
  return all;
};
const leaks = (kernel: ProfileName): boolean => ['linux-6.12', 'linux-7.2'].includes(kernel);

const benches: Bench[] = [];
const open = async (kernel: ProfileName = 'current'): Promise<Bench> => {
  const bench = await Bench.create({ kernel });
  benches.push(bench);
  return bench;
};
afterEach(() => {
  for (const bench of benches.splice(0)) bench.close();
});

describe.each(PROFILES)('the hook of profile %s', (kernel) => {
  it('enables: RC 00 at once, I bit later, page and ISC held', async () => {
    const bench = await open(kernel);
    expect(bench.enable(APQN, 3, NIB)).toMatchObject({ rc: 0, high: 0 });
    expect(bench.held(APQN)).toEqual({
      pins: 1,
      iscs: counts(3),
      alertMask: 0x10,
      nib: NIB,
      isc: 3,
      irq: false,
    });
    bench.machine.advance(MS);
    expect(bench.held(APQN).irq).toBe(true);
    expect(bench.gisa()).toEqual({ ipm: 0, iam: 0x10 });
  });

  it('step 2 and 3: a hook whose mdev has no KVM answers RC 01', async () => {
    const bench = await open(kernel);
    bench.machine.host.matrix.links.guest?.(1, false);
    expect(bench.enable(APQN, 3, NIB)).toMatchObject({ rc: 1, cc: 3 });
    expect(bench.held(APQN)).toMatchObject(NONE);
  });

  it.each([
    ['of another guest', 0x0604],
    ['of a domain that is not assigned', 0x0505],
    ['the partition does not have', 0x2a04],
  ])('step 4: an APQN %s answers RC 01', async (_what, apqn) => {
    const bench = await open(kernel);
    expect(bench.enable(apqn, 3, NIB)).toMatchObject({ rc: 1, cc: 3, high: 0 });
    expect(bench.held(apqn)).toMatchObject(NONE);
  });

  it('step 4: a queue bound to no driver answers RC 01', async () => {
    const bench = await open(kernel);
    expect(bench.machine.write('/sys/bus/ap/drivers/vfio_ap/unbind', '05.0004')).toBe('ok');
    expect(bench.enable(APQN, 3, NIB)).toMatchObject({ rc: 1, cc: 3 });
  });

  it('a queue filtered from the guest is answered by the real queue, in the strict profile with RC 01 (VD-07)', async () => {
    const bench = await open(kernel);
    bench.machine.write('/sys/bus/ap/drivers/vfio_ap/unbind', '05.0047');
    expect(bench.enable(APQN, 3, NIB).rc).toBe(kernel === 'strict' ? 1 : 0);
  });

  it.each([
    ['is 0', { gr2: 0 }],
    ['is -1', { gr2: -1, gr2High: -1 }],
    ['is the first byte outside storage', { gr2: 0x40000 }],
    ['has bits above 32', { gr2: NIB, gr2High: 1 }],
    ['is above 2 GiB', { gr2: 0x80000000 | 0 }],
  ])('RC 06 when the NIB %s', async (_what, nib) => {
    const bench = await open(kernel);
    const ending = bench.pqap({ gr0: FC_AQIC | APQN, gr1High: 0x8000, gr1Low: 6, ...nib });
    expect(ending).toMatchObject({ rc: 6, cc: 3, high: 0 });
    expect(bench.held(APQN)).toMatchObject({ ...NONE, irq: false });
  });

  it('takes the last byte of storage as NIB', async () => {
    const bench = await open(kernel);
    expect(bench.enable(APQN, 3, 0x3ffff).rc).toBe(0);
  });

  it('RC 06 when the page cannot be pinned, and again nothing is held', async () => {
    const bench = await open(kernel);
    bench.machine.guest('Guest1').vm.limitPins(1);
    expect(bench.enable(APQN, 3, NIB).rc).toBe(0);
    expect(bench.enable(OTHER, 4, NIB)).toMatchObject({ rc: 6, cc: 3 });
    expect(bench.held(OTHER)).toMatchObject({ pins: 1, iscs: counts(3), isc: undefined });
    bench.machine.guest('Guest1').vm.limitPins(undefined);
    expect(bench.enable(OTHER, 4, NIB).rc).toBe(0);
  });

  it('the page of a secure-execution guest counts as shared (VD-44): RC 00, or 06 as for any other', async () => {
    const bench = await Bench.create({ kernel, guest1: { secureExecution: {} } });
    benches.push(bench);
    bench.machine.guest('Guest1').vm.limitPins(1);
    expect(bench.enable(APQN, 3, NIB).rc).toBe(0);
    expect(bench.enable(OTHER, 4, NIB)).toMatchObject({ rc: 6, cc: 3 });
    expect(bench.held(OTHER)).toMatchObject({ pins: 1, isc: undefined });
  });

  it('without a GISA the ISC cannot be registered: RC 06 (old: 08), and the page is unpinned (R-18)', async () => {
    const bench = await open(kernel);
    bench.image.i32[bench.image.guest(1) + G_GISA_FORMAT] = -1;
    const old = ['linux-6.1', 'v13', 'doc-v6'].includes(kernel);
    expect(bench.enable(APQN, 3, NIB)).toMatchObject({ rc: old ? 8 : 6, cc: 3 });
    expect(bench.held(APQN)).toMatchObject(NONE);
  });

  it('enable while enabled answers 07; the old setting stays, the new one is undone', async () => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    expect(bench.enable(APQN, 5, 0x3000)).toMatchObject({ rc: 7, cc: 3 });
    expect(bench.held(APQN)).toEqual({
      pins: 1,
      iscs: counts(3),
      alertMask: 0x10,
      nib: NIB,
      isc: 3,
      irq: true,
    });
  });

  it('enable while the first enable is under way answers 05 and ends with interruptions off', async () => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    expect(bench.enable(APQN, 5, 0x3000)).toMatchObject({ rc: 5, cc: 3 });
    expect(bench.held(APQN)).toMatchObject(
      leaks(kernel)
        ? { pins: 1, iscs: counts(5), isc: undefined, irq: false }
        : { ...NONE, irq: false },
    );
  });

  // Section 5.3: every other answer of the host's AQIC.
  it.each([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x0a, 0x40, 0xff])(
    'RC %i of the host at an enable goes to the guest; interruptions end, what was held before is freed',
    async (rc) => {
      const bench = await open(kernel);
      bench.enable(APQN, 3, NIB);
      bench.machine.advance(MS);
      bench.fault(APQN, rc);
      expect(bench.enable(APQN, 5, 0x3000)).toMatchObject({ rc, cc: 3, high: 0 });
      const left = leaks(kernel) ? { pins: 1, iscs: counts(5), alertMask: 0x04 } : NONE;
      expect(bench.held(APQN)).toMatchObject({ ...left, nib: 0, isc: undefined, irq: false });
    },
  );

  it('RC 07 of the host at a first enable undoes pin and ISC', async () => {
    const bench = await open(kernel);
    bench.fault(APQN, 7);
    expect(bench.enable(APQN, 5, 0x3000)).toMatchObject({ rc: 7, cc: 3 });
    expect(bench.held(APQN)).toMatchObject(NONE);
  });

  it('disable: waits until the I bit is off, then frees', async () => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    const before = bench.machine.nowNs();
    expect(bench.disable(APQN).rc).toBe(0);
    expect(bench.machine.nowNs() - before).toBe(20 * MS);
    expect(bench.held(APQN)).toEqual({ ...NONE, irq: false });
  });

  it('disable while disabled answers 07 at once', async () => {
    const bench = await open(kernel);
    const before = bench.machine.nowNs();
    expect(bench.disable(APQN)).toMatchObject({ rc: 7, cc: 3 });
    expect(bench.machine.nowNs()).toBe(before);
    expect(bench.held(APQN)).toEqual({ ...NONE, irq: false });
  });

  // Section 5.4: answers of the host's AQIC at a disable: how often it is tried, what the guest sees, and all is freed.
  it.each([
    { rc: 0x02, times: 3, seen: 0, waits: 4 },
    { rc: 0x05, times: 5, seen: 0, waits: 6 },
    { rc: 0x02, times: 6, seen: 0x02, waits: 5 },
    { rc: 0x05, times: 9, seen: 0x05, waits: 5 },
    { rc: 0x01, times: 1, seen: 0x01, waits: 0 },
    { rc: 0x03, times: 1, seen: 0x03, waits: 0 },
    { rc: 0x04, times: 1, seen: 0x04, waits: 0 },
    { rc: 0x06, times: 1, seen: 0x06, waits: 0 },
    { rc: 0x42, times: 1, seen: 0x42, waits: 0 },
  ])('disable with RC $rc of the host $times times: RC $seen, $waits waits, freed', async (row) => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    bench.fault(APQN, row.rc, row.times);
    const before = bench.machine.nowNs();
    expect(bench.disable(APQN)).toMatchObject({ rc: row.seen });
    expect((bench.machine.nowNs() - before) / (20 * MS)).toBe(row.waits);
    expect(bench.held(APQN)).toMatchObject(NONE);
  });

  // Section 5.4, first row: the TAPQ polls after an accepted disable.
  it.each([
    { rc: 0x02, times: 2, waits: 1, why: '02 looks at the I bit' },
    { rc: 0x05, times: 3, waits: 3, why: '05 waits' },
    { rc: 0x05, times: 9, waits: 5, why: '05 for ever: five polls' },
    { rc: 0x03, times: 1, waits: 0, why: '03 ends the wait' },
    { rc: 0x01, times: 1, waits: 0, why: '01 ends the wait' },
  ])('disable, then TAPQ answers $rc $times times: $why', async (row) => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    bench.fault(APQN, row.rc, row.times, 'tapq');
    const before = bench.machine.nowNs();
    expect(bench.disable(APQN).rc).toBe(0);
    expect((bench.machine.nowNs() - before) / (20 * MS)).toBe(row.waits);
    expect(bench.held(APQN)).toMatchObject(NONE);
  });

  it('two queues with one NIB and one ISC: two pins, a count of two, the alert mask until the last', async () => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.enable(OTHER, 3, NIB);
    bench.machine.advance(MS);
    expect(bench.held(APQN)).toMatchObject({ pins: 2, iscs: counts(3, 3), alertMask: 0x10 });
    bench.disable(APQN);
    expect(bench.held(OTHER)).toMatchObject({ pins: 1, iscs: counts(3), alertMask: 0x10 });
    bench.disable(OTHER);
    expect(bench.held(OTHER)).toMatchObject(NONE);
  });

  it("the guest's own reset turns interruptions off; page and ISC stay until the next enable (5.4)", async () => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    bench.pqap({ gr0: (1 << 24) | APQN });
    bench.machine.advance(10 * MS);
    expect(bench.held(APQN)).toMatchObject({ pins: 1, iscs: counts(3), isc: 3, irq: false });
    expect(bench.enable(APQN, 5, 0x3000).rc).toBe(0);
    expect(bench.held(APQN)).toMatchObject({ pins: 1, iscs: counts(5), isc: 5, nib: 0x3000 });
  });

  it.each([
    ['VFIO_DEVICE_RESET', (bench: Bench) => reset(bench)],
    ['detach', (bench: Bench) => bench.machine.detach('Guest1')],
    ['unassign of the adapter', (bench: Bench) => write(bench, 'unassign_adapter', '5')],
    ['unassign of the domain', (bench: Bench) => write(bench, 'unassign_domain', '4')],
    [
      'unbind of the queue',
      (bench: Bench) => bench.machine.write('/sys/bus/ap/drivers/vfio_ap/unbind', '05.0004'),
    ],
    ['an edit of apmask', (bench: Bench) => apmask(bench)],
    ['dma_unmap of the page', (bench: Bench) => unmap(bench, NIB & ~0xfff, 0x1000)],
    ['removal of the adapter from the host', (bench: Bench) => removeAdapter(bench)],
  ])('%s frees page and ISC and turns interruptions off', async (what, act) => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    act(bench);
    expect(bench.held(APQN)).toMatchObject({ pins: 0, isc: undefined });
    // A queue that went back to the host's driver gets the host's own interruptions as soon as that has reset it.
    const isHosts = what === 'an edit of apmask';
    if (isHosts) bench.machine.advance(100 * MS);
    expect(bench.held(APQN)).toEqual({ ...NONE, irq: isHosts });
  });

  it('dma_unmap of another page changes nothing', async () => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    unmap(bench, 0x3000, 0x1000);
    expect(bench.held(APQN)).toMatchObject({ pins: 1, isc: 3, irq: true });
  });

  it.each([
    ['deconfigured', 3, (bench: Bench) => bench.machine.partition.deconfigure(5)],
    ['checkstopped', 4, (bench: Bench) => bench.machine.partition.checkstop(5)],
  ])('a queue %s while enabled: RC %i, freed by the next reset (R-13)', async (_what, rc, act) => {
    const bench = await open(kernel);
    bench.enable(APQN, 3, NIB);
    bench.machine.advance(MS);
    act(bench);
    expect(bench.enable(APQN, 3, NIB)).toMatchObject({ rc, cc: 3 });
    reset(bench);
    expect(bench.held(APQN)).toMatchObject(
      leaks(kernel) ? { pins: 1, isc: undefined } : { ...NONE, irq: false },
    );
  });
});

const file = (bench: Bench) => {
  const opened = bench.machine.files.get('Guest1');
  if (opened === undefined) throw new Error('Guest1 is not attached');
  return opened;
};
const reset = (bench: Bench): void => {
  bench.machine.finish(file(bench).ioctl({ name: 'VFIO_DEVICE_RESET' }));
};
const unmap = (bench: Bench, address: number, bytes: number): void => {
  bench.machine.finish(file(bench).dmaUnmap(address, bytes));
};
const write = (bench: Bench, name: string, text: string): void => {
  const { uuid } = bench.machine.guest('Guest1');
  expect(bench.machine.write(`/sys/devices/vfio_ap/matrix/${uuid}/${name}`, text)).toBe('ok');
};
/** Takes adapter 5 away from the mdev and back to the host: the mask edit alone would be refused. */
const apmask = (bench: Bench): void => {
  write(bench, 'unassign_adapter', '5');
  expect(bench.machine.write('/sys/bus/ap/apmask', '+5')).toBe('ok');
};
const removeAdapter = (bench: Bench): void => {
  bench.machine.partition.removeAdapter(5);
  bench.machine.run();
};

describe('a queue under a reset by the host', () => {
  it('answers AQIC with 02 until the host has seen the end of the reset (VD-33)', async () => {
    const bench = await open();
    const operation = file(bench).ioctl({ name: 'VFIO_DEVICE_RESET' });
    expect(operation.next().done).toBe(false);
    bench.machine.advance(10 * MS); // the queue's own reset is over, the host has not looked yet
    expect(bench.enable(APQN, 3, NIB)).toMatchObject({ rc: 2, cc: 3 });
    expect(bench.disable(APQN)).toMatchObject({ rc: 2, cc: 3 });
    bench.machine.advance(10 * MS);
    expect(operation.next().done).toBe(true);
    expect(bench.enable(APQN, 3, NIB).rc).toBe(0);
    bench.machine.advance(MS);
    expect(bench.held(APQN)).toMatchObject({ pins: 1, isc: 3, irq: true });
  });

  it('interrupts nobody after it left a guest it was filtered from', async () => {
    const bench = await open();
    bench.machine.write('/sys/bus/ap/drivers/vfio_ap/unbind', '05.0047');
    expect(bench.enable(APQN, 3, NIB).rc).toBe(0); // filtered, but answered (VD-07)
    bench.machine.advance(MS);
    write(bench, 'unassign_adapter', '5');
    expect(bench.held(APQN)).toEqual({ ...NONE, irq: false });
  });
});
