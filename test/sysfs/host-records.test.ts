// SPDX-License-Identifier: Apache-2.0
// A host side that was saved and restored goes on as the one that was not.
import { describe, expect, it } from 'vitest';
import { ApemuError } from '../../src/errors.ts';
import { snapshot } from '../../src/sysfs/export.ts';
import { restoreHost, saveHost } from '../../src/sysfs/host-records.ts';
import { createHostSide } from '../../src/sysfs/host-side.ts';
import { FakeVm } from '../vfio-ap/fake-vm.ts';
import { Bench, Generator } from '../vfio-ap/sequences.ts';
import { BUS, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

/** A second bench in the state of the first: machine and guests copied by hand, the host side by its records. */
function copied(bench: Bench): Bench {
  const copy = new Bench();
  const { adapters, usageDomains, controlDomains } = bench.partition;
  copy.partition.setConfiguration(adapters, usageDomains, controlDomains);
  for (const [n, hardware] of bench.partition.hardware.entries()) {
    if (hardware !== undefined) copy.partition.hardware[n] = { ...hardware };
  }
  copy.timers.advance(bench.timers.nowNs() - copy.timers.nowNs());
  const host = createHostSide({
    switches: bench.host.bus.switches,
    partition: copy.partition,
    timers: copy.timers,
    profile: 'current',
  });
  for (const [n, vm] of bench.vms.entries()) {
    const { apm, aqm, adm } = vm;
    Object.assign(copy.vms[n], { apm: [...apm], aqm: [...aqm], adm: [...adm] });
  }
  const files = restoreHost(host, saveHost(bench.host), (name) =>
    copy.vms.find((vm) => vm.name === name),
  );
  for (const [uuid, open] of files) if (open[0] !== undefined) copy.files.set(uuid, open[0]);
  return Object.assign(copy, { host });
}

const seen = (bench: Bench): string => JSON.stringify([...snapshot(bench.host.sysfs)]);
const guests = (bench: Bench): unknown =>
  bench.vms.map(({ apm, aqm, adm, hook }) => [apm, aqm, adm, hook?.number]);

describe('saved and restored', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'in the middle of sequence %i, it goes on the same',
    (seed) => {
      const bench = new Bench();
      const generator = new Generator(1000 + seed);
      let copy: Bench | undefined;
      for (let i = 0; i < 400; i++) {
        const o = generator.draw();
        if (o.op === 'attach') generator.attached.set(o.uuid, o.vm);
        if (o.op === 'detach') generator.attached.delete(o.uuid);
        if ((o.op === 'detach' || o.op === 'vfio-reset') && !bench.files.has(o.uuid)) continue;
        if ((o.op === 'attach' || o.op === 'remove') && bench.files.has(o.uuid)) continue;
        if (copy === undefined && i >= 200) {
          bench.timers.advance(17_000_000);
          copy = copied(bench);
          expect(seen(copy)).toBe(seen(bench));
        }
        const outcome = bench.apply(o);
        if (copy === undefined) continue;
        expect(copy.apply(o)).toBe(outcome);
        expect(guests(copy)).toEqual(guests(bench));
      }
      for (const b of [bench, copy as Bench]) b.timers.advance(61_000_000_000);
      expect(seen(copy as Bench)).toBe(seen(bench));
    },
  );

  it('keeps nothing of the original: the records are a copy', () => {
    const host = new TypedHost();
    const records = saveHost(host.host);
    host.echo('-5', `${BUS}/apmask`);
    expect(records.apmask[0]).toBe(0xffffffff);
  });

  it('is refused while an operation sleeps', () => {
    const host = new TypedHost();
    host.echo('-5', `${BUS}/apmask`);
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    const file = host.start(new FakeVm('Guest1'));
    const removal = host.host.sysfs.write(`${MATRIX}/${UUID1}/remove`, '1');
    removal.next();
    expect(() => saveHost(host.host)).toThrow(ApemuError);
    host.timers.run(file.close());
    removal.next();
    expect(saveHost(host.host).mdevs).toEqual([]);
  });

  it('refuses records it does not know', () => {
    const host = new TypedHost();
    const records = { ...saveHost(host.host), version: 99 };
    const fresh = createHostSide({ partition: host.partition, timers: host.timers });
    expect(() => restoreHost(fresh, records, () => undefined)).toThrow(/version 99/);
  });
});
