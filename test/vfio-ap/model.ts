// SPDX-License-Identifier: Apache-2.0
// A slow, obvious model of the host side for generated sequences, written from docs/reference/vfio-ap.md sections 3.7 and 4,
// with sets and lists instead of masks and tables.

export interface HostConfig {
  adapters: number[];
  domains: number[];
  controls: number[];
}

/** One operation of a sequence. */
export type Op =
  | { op: 'create'; uuid: string }
  | { op: 'remove'; uuid: string }
  | {
      op: 'assign' | 'unassign';
      uuid: string;
      what: 'adapter' | 'domain' | 'control_domain';
      n: number;
    }
  | { op: 'config'; uuid: string; adapters: number[]; domains: number[]; controls: number[] }
  | {
      op: 'mask';
      mask: 'apmask' | 'aqmask';
      terms: { sign: '+' | '-'; from: number; to: number }[];
    }
  | { op: 'bind' | 'unbind'; driver: 'vfio_ap' | 'cex4queue'; queue: number }
  | { op: 'override'; queue: number; driver: string }
  | { op: 'reprobe'; queue: number }
  | { op: 'aqic'; queue: number }
  | { op: 'partition'; config: HostConfig }
  | { op: 'scan' }
  | { op: 'configure'; adapter: number; on: boolean }
  | { op: 'checkstop'; adapter: number; on: boolean }
  | { op: 'attach'; uuid: string; vm: number }
  | { op: 'detach'; uuid: string }
  | { op: 'vfio-reset'; uuid: string };

interface Wish {
  a: Set<number>;
  d: Set<number>;
  c: Set<number>;
}
interface Mdev {
  uuid: string;
  matrix: Wish;
  shadow: Wish;
  pending: Wish;
  vm: number | null;
}
interface Queue {
  driver: 'vfio_ap' | 'cex4queue' | null;
  rc: number;
  override: string | null;
}

const wish = (): Wish => ({ a: new Set(), d: new Set(), c: new Set() });
const meet = (x: Set<number>, y: Iterable<number>): Set<number> =>
  new Set([...y].filter((n) => x.has(n)));
const minus = (x: Iterable<number>, y: Set<number>): Set<number> =>
  new Set([...x].filter((n) => !y.has(n)));
const same = (x: Set<number>, y: Set<number>): boolean =>
  x.size === y.size && [...x].every((n) => y.has(n));
const ascending = (x: Iterable<number>): number[] => [...x].sort((p, q) => p - q);
const ALL = new Set(Array.from({ length: 256 }, (_, n) => n));
const clone = (c: HostConfig): HostConfig => ({
  adapters: [...c.adapters],
  domains: [...c.domains],
  controls: [...c.controls],
});

export class Model {
  partition: HostConfig;
  info: HostConfig;
  readonly hardware: Map<number, { config: boolean; checkstop: boolean }>;
  cards = new Map<number, { config: boolean; checkstop: boolean }>();
  queues = new Map<number, Queue>();
  overrides = 0; // set and not removed; a queue that goes with one still counts
  mdevs: Mdev[] = [];
  vms = new Map<number, string>();
  apmask = new Set(ALL);
  aqmask = new Set(ALL);

  constructor(config: HostConfig, hardware: Iterable<number>) {
    this.partition = clone(config);
    this.info = clone(config);
    this.hardware = new Map([...hardware].map((n) => [n, { config: true, checkstop: false }]));
    this.#scanDevices();
  }

  mdev(uuid: string): Mdev | undefined {
    return this.mdevs.find((m) => m.uuid === uuid);
  }

  /** Outcome of an operation; the state is as after it. */
  apply(o: Op): string {
    switch (o.op) {
      case 'create':
        if (this.mdev(o.uuid)) return 'EEXIST';
        this.mdevs.push({
          uuid: o.uuid,
          matrix: wish(),
          shadow: wish(),
          pending: wish(),
          vm: null,
        });
        return 'ok';
      case 'partition':
        this.partition = clone(o.config);
        return 'ok';
      case 'scan':
        this.#scan();
        return 'ok';
      case 'aqic':
        return 'ok';
      case 'checkstop':
        if (this.hardware.has(o.adapter)) this.hardware.get(o.adapter)!.checkstop = o.on;
        return 'ok';
      case 'configure': {
        const card = this.cards.get(o.adapter);
        if (!card) return 'ENOENT';
        this.hardware.get(o.adapter)!.config = o.on;
        card.config = o.on;
        return 'ok';
      }
      case 'mask':
        return this.#mask(o.mask, o.terms);
      case 'bind':
      case 'unbind':
      case 'override':
      case 'reprobe':
        return this.#driver(o);
      default:
        return this.#ofMdev(o);
    }
  }

  #ofMdev(o: Extract<Op, { uuid: string }>): string {
    const m = this.mdev(o.uuid);
    if (!m) return o.op === 'attach' ? 'ENODEV' : 'ENOENT';
    switch (o.op) {
      case 'remove':
        for (const q of this.#table(m)) this.#reset(q);
        this.mdevs = this.mdevs.filter((x) => x !== m);
        return 'ok';
      case 'assign':
        return this.#assign(m, o.what, o.n);
      case 'unassign':
        return this.#unassign(m, o.what, o.n);
      case 'config':
        return this.#config(m, o);
      case 'attach':
        if (this.vms.has(o.vm)) return 'EPERM';
        m.vm = o.vm;
        this.vms.set(o.vm, m.uuid);
        return 'ok';
      case 'detach':
        for (const q of this.#table(m)) this.#reset(q);
        this.vms.delete(m.vm as number);
        m.vm = null;
        return 'ok';
      case 'vfio-reset': {
        const table = this.#table(m);
        for (const q of table) this.#reset(q);
        return table.every((q) => this.queues.get(q)!.rc === 0) ? 'ok' : 'EIO';
      }
      default:
        throw new Error('not an operation of an mdev');
    }
  }

  // 4.3: queues assigned and bound.
  #table(m: Mdev): number[] {
    return [...this.queues]
      .filter(
        ([q, s]) => s.driver === 'vfio_ap' && m.matrix.a.has(q >> 8) && m.matrix.d.has(q & 255),
      )
      .map(([q]) => q);
  }

  #zapqRc(q: number): number {
    const h = this.hardware.get(q >> 8);
    if (
      !h ||
      !this.partition.adapters.includes(q >> 8) ||
      !this.partition.domains.includes(q & 255)
    )
      return 1;
    return h.checkstop ? 4 : h.config ? 0 : 3;
  }

  #reset(q: number): void {
    this.queues.get(q)!.rc = this.#zapqRc(q);
  }

  #filter(m: Mdev): boolean {
    const before = { a: m.shadow.a, d: m.shadow.d };
    const a = meet(new Set(this.info.adapters), m.matrix.a);
    const d = meet(new Set(this.info.domains), m.matrix.d);
    const filtered: number[] = [];
    for (const apid of ascending(a)) {
      const good = [...d].every((apqi) => {
        const q = this.queues.get((apid << 8) | apqi);
        return q?.driver === 'vfio_ap' && [0, 3, 4].includes(q.rc);
      });
      if (good) continue;
      a.delete(apid);
      if (before.a.has(apid)) filtered.push(apid);
    }
    m.shadow.a = a;
    m.shadow.d = d;
    const changed = !same(a, before.a) || !same(d, before.d);
    if (changed) this.#resetAdapters(m, filtered);
    return changed;
  }

  #resetAdapters(m: Mdev, apids: Iterable<number>): void {
    const wanted = new Set(apids);
    for (const q of this.#table(m))
      if (wanted.has(q >> 8) && m.shadow.d.has(q & 255)) this.#reset(q);
  }

  #maskOwned(q: number): boolean {
    return this.apmask.has(q >> 8) && this.aqmask.has(q & 255);
  }

  /** For assignment: a queue with an override belongs to whom its driver belongs. */
  #hostOwned(q: number): boolean {
    const state = this.queues.get(q);
    const driver = state?.driver ?? null;
    return state?.override != null && driver !== null ? driver === 'cex4queue' : this.#maskOwned(q);
  }

  /** The one driver whose probe would take the queue. */
  #wanted(q: number): string {
    return this.queues.get(q)?.override ?? (this.#maskOwned(q) ? 'cex4queue' : 'vfio_ap');
  }

  #validate(m: Mdev | null, a: Set<number>, d: Set<number>): string {
    for (const apid of a) {
      for (const apqi of d) if (this.#hostOwned((apid << 8) | apqi)) return 'EADDRNOTAVAIL';
    }
    return this.#shared(m, a, d) ? 'EADDRINUSE' : 'ok';
  }

  #shared(m: Mdev | null, a: Set<number>, d: Set<number>): boolean {
    return this.mdevs.some(
      (x) => x !== m && meet(x.matrix.a, a).size > 0 && meet(x.matrix.d, d).size > 0,
    );
  }

  #assign(m: Mdev, what: string, n: number): string {
    if (n > 255) return 'ENODEV';
    if (what === 'control_domain') {
      if (m.matrix.c.has(n)) return 'ok';
      m.matrix.c.add(n);
      m.shadow.c = meet(new Set(this.info.controls), m.matrix.c);
      return 'ok';
    }
    const set = what === 'adapter' ? m.matrix.a : m.matrix.d;
    if (set.has(n)) return 'ok';
    set.add(n);
    const outcome = this.#validate(m, m.matrix.a, m.matrix.d);
    if (outcome !== 'ok') set.delete(n);
    else this.#filter(m);
    return outcome;
  }

  #unassign(m: Mdev, what: string, n: number): string {
    if (n > 255) return 'ENODEV';
    if (what === 'control_domain') {
      m.matrix.c.delete(n);
      m.shadow.c.delete(n);
      return 'ok';
    }
    if (!(what === 'adapter' ? m.matrix.a : m.matrix.d).has(n)) return 'ok';
    this.#unplug(m, what === 'adapter' ? [n] : [], what === 'adapter' ? [] : [n]);
    return 'ok';
  }

  #unplug(m: Mdev, adapters: Iterable<number>, domains: Iterable<number>): void {
    for (const [axis, numbers] of [
      ['a', [...adapters]],
      ['d', [...domains]],
    ] as const) {
      const gone = new Set<number>(numbers);
      const left = this.#table(m).filter((q) => gone.has(axis === 'a' ? q >> 8 : q & 255));
      const reset = left.filter((q) => m.shadow.a.has(q >> 8) && m.shadow.d.has(q & 255));
      for (const n of gone) {
        m.matrix[axis].delete(n);
        m.shadow[axis].delete(n);
      }
      for (const q of reset) this.#reset(q);
    }
  }

  #config(m: Mdev, o: { adapters: number[]; domains: number[]; controls: number[] }): string {
    const a = new Set(o.adapters);
    const d = new Set(o.domains);
    const outcome = this.#validate(m, a, d);
    if (outcome !== 'ok') return outcome;
    this.#unplug(m, minus(m.matrix.a, a), minus(m.matrix.d, d));
    m.matrix = { a, d, c: new Set(o.controls) };
    this.#filter(m);
    m.shadow.c = meet(new Set(this.info.controls), m.matrix.c);
    return 'ok';
  }

  #mask(name: 'apmask' | 'aqmask', terms: { sign: string; from: number; to: number }[]): string {
    const next = new Set(this[name]);
    for (const { sign, from, to } of terms) {
      for (let n = from; n <= to; n++) sign === '+' ? next.add(n) : next.delete(n);
    }
    if (this.overrides > 0) return 'EINVAL';
    if (same(next, this[name])) return 'ok';
    const added = minus(next, this[name]);
    // Newest kernels: the other mask counts as all ones.
    if (added.size > 0) {
      const hit =
        name === 'apmask' ? this.#shared(null, added, ALL) : this.#shared(null, ALL, added);
      if (hit) return 'EBUSY';
    }
    this[name] = next;
    for (const [q, state] of [...this.queues]) {
      const wanted = this.#maskOwned(q) ? 'cex4queue' : 'vfio_ap';
      if (state.driver === wanted) continue;
      // Of queues without driver a mask edit finds those that the host owns (VD-32).
      if (state.driver === null && wanted !== 'cex4queue') continue;
      this.#unbind(q);
      this.#attach(q);
    }
    return 'ok';
  }

  #owner(q: number): Mdev | undefined {
    return this.mdevs.find((m) => m.matrix.a.has(q >> 8) && m.matrix.d.has(q & 255));
  }

  #unbind(q: number): void {
    const state = this.queues.get(q)!;
    if (state.driver === 'vfio_ap') {
      const m = this.#owner(q);
      if (m?.shadow.a.has(q >> 8) && m.shadow.d.has(q & 255)) {
        m.shadow.a.delete(q >> 8);
        this.#resetAdapters(m, [q >> 8]);
      } else if (this.info.adapters.includes(q >> 8) && this.info.domains.includes(q & 255))
        this.#reset(q);
    }
    state.driver = null;
  }

  #probe(q: number, driver: 'vfio_ap' | 'cex4queue'): void {
    const state = this.queues.get(q)!;
    state.driver = driver;
    state.rc = 0;
    const m = driver === 'vfio_ap' ? this.#owner(q) : undefined;
    if (m && m.pending.a.size === 0 && m.pending.d.size === 0) this.#filter(m);
  }

  #attach(q: number): void {
    const state = this.queues.get(q)!;
    if (state.driver !== null) return;
    const wanted = this.#wanted(q);
    if (wanted === 'cex4queue' || wanted === 'vfio_ap') this.#probe(q, wanted);
  }

  #driver(o: Exclude<Extract<Op, { queue: number }>, { op: 'aqic' }>): string {
    const state = this.queues.get(o.queue);
    if (!state) return o.op === 'override' ? 'ENOENT' : 'ENODEV';
    switch (o.op) {
      case 'bind': {
        if (state.driver !== null) return 'EBUSY';
        if (this.#wanted(o.queue) !== o.driver) return 'ENODEV';
        this.#probe(o.queue, o.driver);
        return 'ok';
      }
      case 'unbind':
        if (state.driver !== o.driver) return 'ENODEV';
        this.#unbind(o.queue);
        return 'ok';
      case 'override':
        if (this.apmask.size !== 256 || this.aqmask.size !== 256) return 'EINVAL';
        this.overrides += Number(o.driver !== '') - Number(state.override !== null);
        state.override = o.driver === '' ? null : o.driver;
        return 'ok';
      case 'reprobe':
        this.#attach(o.queue);
        return 'ok';
    }
  }

  #scan(): void {
    const old = this.info;
    const now = clone(this.partition);
    const text = (c: HostConfig): string =>
      JSON.stringify([c.adapters, c.domains, c.controls].map(ascending));
    const changed = text(old) !== text(now);
    if (changed) {
      const plus = (x: number[], y: number[]): Set<number> => minus(x, new Set(y));
      for (const m of this.mdevs) {
        for (const n of plus(old.adapters, now.adapters))
          if (m.matrix.a.has(n)) m.shadow.a.delete(n);
        for (const n of plus(old.domains, now.domains)) if (m.matrix.d.has(n)) m.shadow.d.delete(n);
        for (const n of plus(old.controls, now.controls))
          if (m.matrix.c.has(n)) m.shadow.c.delete(n);
        m.pending.a = meet(
          m.matrix.a,
          this.#known(plus(now.adapters, old.adapters), plus(now.domains, old.domains)),
        );
        m.pending.d = meet(m.matrix.d, plus(now.domains, old.domains));
        m.pending.c = meet(m.matrix.c, plus(now.controls, old.controls));
      }
      this.info = now;
    }
    this.#scanDevices();
    for (const m of this.mdevs) {
      if (m.pending.a.size + m.pending.d.size > 0) this.#filter(m);
      if (m.pending.c.size > 0) m.shadow.c = meet(new Set(now.controls), m.matrix.c);
      m.pending = wish();
    }
  }

  /** Added adapters without hardware answer RC 01 on an added domain and are no additions. */
  #known(adapters: Set<number>, domains: Set<number>): Set<number> {
    return new Set([...adapters].filter((n) => domains.size === 0 || this.hardware.has(n)));
  }

  #scanDevices(): void {
    const { adapters, domains } = this.info;
    for (const [q] of [...this.queues]) {
      if (adapters.includes(q >> 8) && domains.includes(q & 255)) continue;
      this.#unbind(q);
      this.queues.delete(q);
    }
    for (const apid of [...this.cards.keys()]) {
      if (!adapters.includes(apid) || domains.length === 0) this.cards.delete(apid);
    }
    for (const apid of ascending(adapters)) {
      const h = this.hardware.get(apid);
      if (!h || domains.length === 0) continue;
      this.cards.set(apid, { config: h.config || h.checkstop, checkstop: h.checkstop });
      for (const apqi of ascending(domains)) {
        const q = (apid << 8) | apqi;
        if (this.queues.has(q)) continue;
        this.queues.set(q, { driver: null, rc: 0, override: null });
        this.#attach(q);
      }
    }
  }
}
