// SPDX-License-Identifier: Apache-2.0
// 100,000 generated host operations against the model, with the invariants checked after each.
import { describe, expect, it } from 'vitest';
import { apqnName, hex } from '../../src/ap-bus/apqn.ts';
import { InvariantChecker } from './invariants.ts';
import { Model, type Op } from './model.ts';
import { ADAPTERS, Bench, DOMAINS, Generator, shellLine, startConfig, UUIDS } from './sequences.ts';

const SEEDS = 200;
// Some draws have nothing to act on (stop of a guest that does not run); 530 leave 500 that act.
const OPERATIONS = 530;
const MATRIX = '/sys/devices/vfio_ap/matrix';

const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);
const product = (a: Iterable<number>, d: Iterable<number>): string => {
  const as = sorted(a);
  const ds = sorted(d);
  if (as.length === 0) return ds.map((n) => `.${hex(n, 4)}\n`).join('');
  if (ds.length === 0) return as.map((n) => `${hex(n, 2)}.\n`).join('');
  return as.flatMap((n) => ds.map((m) => `${apqnName((n << 8) | m)}\n`)).join('');
};

/** What the model says each file reads. */
function* expectedReads(model: Model): Iterable<[string, string]> {
  for (const uuid of UUIDS) {
    const m = model.mdev(uuid);
    yield [`${MATRIX}/${uuid}/matrix`, m ? product(m.matrix.a, m.matrix.d) : 'ENOENT'];
    yield [`${MATRIX}/${uuid}/guest_matrix`, m ? product(m.shadow.a, m.shadow.d) : 'ENOENT'];
    const controls = m ? sorted(m.matrix.c).map((n) => `${hex(n, 4)}\n`) : ['ENOENT'];
    yield [`${MATRIX}/${uuid}/control_domains`, controls.join('')];
  }
  for (const adapter of ADAPTERS) {
    const card = model.cards.get(adapter);
    yield [
      `/sys/devices/ap/card${hex(adapter, 2)}/chkstop`,
      card ? `${Number(card.checkstop)}\n` : 'ENOENT',
    ];
    for (const domain of DOMAINS) {
      const q = (adapter << 8) | domain;
      const state = model.queues.get(q);
      const owner = model.mdevs.find((m) => m.matrix.a.has(adapter) && m.matrix.d.has(domain));
      const inUse =
        owner && owner.vm !== null && owner.shadow.a.has(adapter) && owner.shadow.d.has(domain);
      const status = owner ? (inUse ? 'in use\n' : 'assigned\n') : 'unassigned\n';
      yield [
        `/sys/bus/ap/devices/${apqnName(q)}/status`,
        state?.driver === 'vfio_ap' ? status : 'ENOENT',
      ];
    }
  }
}

/** Runs operations; the text of the first failure, or undefined. */
function run(operations: Iterable<Op>, done?: Op[]): string | undefined {
  const bench = new Bench();
  const model = new Model(startConfig(), ADAPTERS);
  const invariants = new InvariantChecker(bench);
  for (const o of operations) {
    done?.push(o);
    const missing = (o.op === 'detach' || o.op === 'vfio-reset') && !bench.files.has(o.uuid);
    const busy = (o.op === 'attach' || o.op === 'remove') && bench.files.has(o.uuid);
    if (missing || busy) continue;
    if (o.op === 'override') invariants.overridden();
    const expected = model.apply(o);
    const actual = bench.apply(o);
    if (actual !== expected) return `${shellLine(o)}: ${actual}, the model says ${expected}`;
    const violated = invariants.check();
    if (violated !== undefined) return `${shellLine(o)}: ${violated}`;
    for (const [path, text] of expectedReads(model)) {
      const read = bench.host.sysfs.read(path);
      const got = read.ok ? read.text : read.errno;
      if (got !== text)
        return `${shellLine(o)}: ${path} reads ${JSON.stringify(got)}, the model says ${JSON.stringify(text)}`;
    }
  }
  return undefined;
}

function* drawn(seed: number): Iterable<Op> {
  const generator = new Generator(seed);
  for (let i = 0; i < OPERATIONS; i++) {
    const o = generator.draw();
    if (o.op === 'attach') generator.attached.set(o.uuid, o.vm);
    if (o.op === 'detach') generator.attached.delete(o.uuid);
    yield o;
  }
}

/** Leaves out what the failure does not need. */
function shorten(failing: Op[]): Op[] {
  let best = failing;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length; ) {
      const without = [...best.slice(0, at), ...best.slice(at + size)];
      if (run(without) === undefined) at += size;
      else best = without;
    }
  }
  return best;
}

/** The failure of a seed as a shell script, or undefined. */
function script(seed: number): string | undefined {
  const done: Op[] = [];
  if (run(drawn(seed), done) === undefined) return undefined;
  const short = shorten(done);
  return [`#!/bin/sh`, `# seed ${seed}: ${run(short)}`, ...short.map(shellLine)].join('\n');
}

describe(`${SEEDS * OPERATIONS} generated host operations`, () => {
  const groups = Array.from({ length: 10 }, (_, g) => g);
  it.each(groups)('keep I-1 to I-6 and read as the model says, seeds of group %i', (group) => {
    for (let seed = group; seed < SEEDS; seed += groups.length) {
      expect(script(seed), `seed ${seed}`).toBeUndefined();
    }
  });

  it('reach every kind of operation with success and with failure', () => {
    const seen = new Map<string, Set<string>>();
    const bench = new Bench();
    for (const o of drawn(4711)) {
      const gone = (o.op === 'detach' || o.op === 'vfio-reset') && !bench.files.has(o.uuid);
      if (gone || ((o.op === 'attach' || o.op === 'remove') && bench.files.has(o.uuid))) continue;
      const outcomes = seen.get(o.op) ?? new Set();
      seen.set(o.op, outcomes.add(bench.apply(o)));
    }
    for (const op of ['create', 'assign', 'config', 'mask', 'bind', 'unbind', 'attach'] as const) {
      expect([...(seen.get(op) ?? [])], op).toContain('ok');
      expect(seen.get(op)?.size, op).toBeGreaterThan(1);
    }
    expect([...seen.keys()].length).toBeGreaterThanOrEqual(14);
  });
});
