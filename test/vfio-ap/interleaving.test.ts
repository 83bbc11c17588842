// SPDX-License-Identifier: Apache-2.0
// Section 6: operations that sleep in the middle of others. Nothing deadlocks, no lock stays, the invariants hold when all ended.
import { describe, expect, it } from 'vitest';
import { InvariantChecker } from './invariants.ts';
import { Bench, Generator, random, shellLine, writeOf } from './sequences.ts';

const SEEDS = 60;
const ROUNDS = 60;
const AT_ONCE = 3;
/** Steps after which a group of operations that has not ended is a deadlock. */
const PATIENCE = 20_000;
const STEP_NS = 5_000_000;

function run(seed: number): string | undefined {
  const bench = new Bench();
  const generator = new Generator(seed);
  const next = random(seed + 1);
  const invariants = new InvariantChecker(bench);
  // Every look at a queue may find it still resetting.
  bench.partition.tapqScript = () => (next() < 0.3 ? 2 : undefined);
  for (let round = 0; round < ROUNDS; round++) {
    const lines: string[] = [];
    const running = [];
    const going = new Set<string>();
    while (running.length < AT_ONCE) {
      const o = generator.draw();
      if (o.op === 'remove' && bench.files.has(o.uuid)) continue;
      if (o.op === 'remove') going.add(o.uuid);
      if (o.op === 'attach' && going.has(o.uuid)) continue; // its removal would wait for the guest's end
      if (o.op === 'override') invariants.overridden();
      const write = writeOf(o);
      if (write !== undefined) {
        lines.push(shellLine(o));
        running.push(bench.host.sysfs.write(write.path, write.text));
      } else if (o.op === 'partition' || o.op === 'checkstop' || o.op === 'aqic') bench.apply(o);
      else if (o.op === 'attach' && !bench.files.has(o.uuid)) {
        if (bench.apply(o) === 'ok') generator.attached.set(o.uuid, o.vm);
      } else if (o.op === 'detach' && bench.files.has(o.uuid)) {
        generator.attached.delete(o.uuid);
        lines.push(shellLine(o));
        running.push(bench.files.get(o.uuid)!.close());
        bench.files.delete(o.uuid);
      }
    }
    let left = running;
    for (let steps = 0; left.length > 0; steps++) {
      if (steps > PATIENCE) return `seed ${seed}: these never end:\n${lines.join('\n')}`;
      const at = Math.floor(next() * left.length);
      if (left[at]?.next().done === true) left = left.filter((_, i) => i !== at);
      bench.timers.advance(STEP_NS);
    }
    const { bus, matrix } = bench.host;
    for (let i = 0; bus.scanLock.held && i < PATIENCE; i++) bench.timers.advance(STEP_NS);
    const locks = [bus.permsLock, bus.scanLock, matrix.guestsLock, matrix.mdevsLock];
    const held = locks.find((lock) => lock.held);
    if (held !== undefined)
      return `seed ${seed}: ${held.name} stays held after:\n${lines.join('\n')}`;
    const violated = invariants.check();
    if (violated !== undefined)
      return `seed ${seed}: ${violated} after, at once:\n${lines.join('\n')}`;
  }
  return undefined;
}

describe(`${AT_ONCE} operations at once, resets that take time`, () => {
  it.each(Array.from({ length: 6 }, (_, g) => g))(
    'end and leave I-1 to I-6 and no lock, seeds of group %i',
    (group) => {
      for (let seed = group; seed < SEEDS; seed += 6) expect(run(seed)).toBeUndefined();
    },
  );

  it('an assignment waits for a removal under way, and then finds the number free', () => {
    const bench = new Bench();
    const write = (path: string, text: string) => bench.host.sysfs.write(path, text);
    const uuid = ['1', '2'].map((n) => `${n.repeat(8)}-0000-4000-8000-000000000000`);
    const matrix = '/sys/devices/vfio_ap/matrix';
    const now = (path: string, text: string): string => bench.timers.run(write(path, text));
    now('/sys/bus/ap/apmask', '-5');
    for (const u of uuid) now(`${matrix}/mdev_supported_types/vfio_ap-passthrough/create`, u);
    now(`${matrix}/${uuid[0]}/ap_config`, '0x04,0x08,0x');
    now(`${matrix}/${uuid[1]}/assign_domain`, '4');
    let polls = 3;
    bench.partition.tapqScript = () => (polls-- > 0 ? 2 : undefined);
    const unassign = write(`${matrix}/${uuid[0]}/unassign_adapter`, '5');
    expect(unassign.next().done).toBe(false);
    const assign = write(`${matrix}/${uuid[1]}/assign_adapter`, '5');
    expect(assign.next().done).toBe(false);
    while (unassign.next().done !== true);
    expect(assign.next()).toEqual({ done: true, value: 'ok' });
  });

  it('a write that waited while its mdev went is ENODEV and links nothing', () => {
    const bench = new Bench();
    const uuid = '11111111-0000-4000-8000-000000000000';
    const path = `/sys/devices/vfio_ap/matrix/${uuid}`;
    const write = (file: string, text: string) => bench.host.sysfs.write(file, text);
    bench.timers.run(write('/sys/bus/ap/apmask', '-5'));
    bench.timers.run(
      write('/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create', uuid),
    );
    bench.timers.run(write(`${path}/ap_config`, '0x04,0x08,0x'));
    let polls = 3;
    bench.partition.tapqScript = () => (polls-- > 0 ? 2 : undefined);
    const removal = write(`${path}/remove`, '1');
    expect(removal.next().done).toBe(false);
    const assign = write(`${path}/assign_domain`, '0x47');
    expect(assign.next().done).toBe(false);
    while (removal.next().done !== true);
    expect(assign.next()).toEqual({ done: true, value: 'ENODEV' });
    expect(bench.host.matrix.queues[0x0547]?.mdev).toBeNull();
  });
});
