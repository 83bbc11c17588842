// SPDX-License-Identifier: Apache-2.0
// Generated sequences of host operations: generator, execution on the real host side, the shell script that reproduces one.
import { apqnName, hex } from '../../src/ap-bus/apqn.ts';
import { createHostSide, type HostSide } from '../../src/sysfs/host-side.ts';
import { openVfioDevice, type VfioApFile } from '../../src/vfio-ap/fd.ts';
import { type FakePartition, FakeTimers, goldenPartition } from './fake-partition.ts';
import { FakeVm } from './fake-vm.ts';
import type { HostConfig, Op } from './model.ts';

export const ADAPTERS = [0x05, 0x06, 0x0a, 0x21];
export const DOMAINS = [0x04, 0x47, 0xab, 0xff];
export const UUIDS = [1, 2, 3, 4].map((n) => `${String(n).repeat(8)}-0000-4000-8000-000000000000`);
export const VM_COUNT = 3;
const MATRIX = '/sys/devices/vfio_ap/matrix';

/** mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const startConfig = (): HostConfig => ({
  adapters: [...ADAPTERS],
  domains: [...DOMAINS],
  controls: [...DOMAINS],
});

/** Draws operations; knows which mdev has a guest so that a detach has something to close. */
export class Generator {
  readonly #next: () => number;
  readonly attached = new Map<string, number>();
  #config = startConfig();

  constructor(seed: number) {
    this.#next = random(seed);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#next() * from.length)];
  }

  #some(from: readonly number[]): number[] {
    return from.filter(() => this.#next() < 0.5);
  }

  #queue(): number {
    return (this.#pick(ADAPTERS) << 8) | this.#pick(DOMAINS);
  }

  #toggle(list: number[], from: readonly number[]): number[] {
    const n = this.#pick(from);
    return list.includes(n) ? list.filter((x) => x !== n) : [...list, n].sort((a, b) => a - b);
  }

  #terms(numbers: readonly number[]) {
    return Array.from({ length: 1 + Math.floor(this.#next() * 3) }, () => {
      const sign = this.#pick(['+', '-', '-'] as const);
      if (this.#next() < 0.15) return { sign, from: 0, to: 255 };
      const n = this.#pick(numbers);
      return { sign, from: n, to: n };
    });
  }

  /** The next operation. */
  draw(): Op {
    const uuid = this.#pick(UUIDS);
    const roll = this.#next() * 100;
    if (roll < 4) return { op: 'create', uuid };
    if (roll < 5.5)
      return this.attached.has(uuid) ? { op: 'detach', uuid } : { op: 'remove', uuid };
    if (roll < 27) return this.#assignment('assign', uuid);
    if (roll < 37) return this.#assignment('unassign', uuid);
    if (roll < 45) {
      const [adapters, domains, controls] = [
        this.#some(ADAPTERS),
        this.#some(DOMAINS),
        this.#some(DOMAINS),
      ];
      return { op: 'config', uuid, adapters, domains, controls };
    }
    if (roll < 51) return { op: 'mask', mask: 'apmask', terms: this.#terms(ADAPTERS) };
    if (roll < 55) return { op: 'mask', mask: 'aqmask', terms: this.#terms(DOMAINS) };
    if (roll < 62)
      return {
        op: 'bind',
        driver: this.#pick(['vfio_ap', 'vfio_ap', 'cex4queue']),
        queue: this.#queue(),
      };
    if (roll < 66)
      return {
        op: 'unbind',
        driver: this.#pick(['vfio_ap', 'vfio_ap', 'cex4queue']),
        queue: this.#queue(),
      };
    if (roll < 67)
      return {
        op: 'override',
        queue: this.#queue(),
        driver: this.#pick(['', '', 'vfio_ap', 'cex4queue']),
      };
    if (roll < 69) return { op: 'reprobe', queue: this.#queue() };
    if (roll < 75) return this.#hostChange();
    if (roll < 81) return { op: 'scan' };
    if (roll < 83)
      return { op: 'configure', adapter: this.#pick(ADAPTERS), on: this.#next() < 0.6 };
    if (roll < 85)
      return { op: 'checkstop', adapter: this.#pick(ADAPTERS), on: this.#next() < 0.3 };
    if (roll < 87) return { op: 'vfio-reset', uuid };
    if (roll < 91) return { op: 'aqic', queue: this.#queue() };
    if (this.attached.has(uuid)) return { op: 'detach', uuid };
    return { op: 'attach', uuid, vm: Math.floor(this.#next() * VM_COUNT) };
  }

  #assignment(op: 'assign' | 'unassign', uuid: string): Op {
    const what = this.#pick(['adapter', 'adapter', 'domain', 'domain', 'control_domain'] as const);
    const numbers = what === 'adapter' ? [...ADAPTERS, 7, 256] : [...DOMAINS, 1, 300];
    return { op, uuid, what, n: this.#pick(numbers) };
  }

  #hostChange(): Op {
    const roll = this.#next();
    const { adapters, domains, controls } = this.#config;
    this.#config =
      roll < 0.2
        ? startConfig()
        : {
            adapters: roll < 0.6 ? this.#toggle(adapters, [...ADAPTERS, 7]) : adapters,
            domains: roll >= 0.4 && roll < 0.8 ? this.#toggle(domains, DOMAINS) : domains,
            controls: roll >= 0.7 ? this.#toggle(controls, DOMAINS) : controls,
          };
    return { op: 'partition', config: this.#config };
  }
}

const maskOf = (numbers: readonly number[]): string => {
  const bytes = new Uint8Array(32);
  for (const n of numbers) bytes[n >> 3] = bytes[n >> 3] | (0x80 >> (n & 7));
  return `0x${[...bytes].map((b) => hex(b, 2)).join('')}`;
};

/** The file and text of an operation that is a write. */
export function writeOf(o: Op): { path: string; text: string } | undefined {
  switch (o.op) {
    case 'create':
      return { path: `${MATRIX}/mdev_supported_types/vfio_ap-passthrough/create`, text: o.uuid };
    case 'remove':
      return { path: `${MATRIX}/${o.uuid}/remove`, text: '1' };
    case 'assign':
    case 'unassign':
      return { path: `${MATRIX}/${o.uuid}/${o.op}_${o.what}`, text: String(o.n) };
    case 'config': {
      const text = [o.adapters, o.domains, o.controls].map(maskOf).join(',');
      return { path: `${MATRIX}/${o.uuid}/ap_config`, text };
    }
    case 'mask': {
      const terms = o.terms.map((t) => `${t.sign}${t.from}${t.to === t.from ? '' : `-${t.to}`}`);
      return { path: `/sys/bus/ap/${o.mask}`, text: terms.join(',') };
    }
    case 'bind':
    case 'unbind':
      return { path: `/sys/bus/ap/drivers/${o.driver}/${o.op}`, text: apqnName(o.queue) };
    case 'override':
      return { path: `/sys/bus/ap/devices/${apqnName(o.queue)}/driver_override`, text: o.driver };
    case 'reprobe':
      return { path: '/sys/bus/ap/drivers_probe', text: apqnName(o.queue) };
    case 'scan':
      return { path: '/sys/bus/ap/scans', text: '1' };
    case 'configure':
      return { path: `/sys/devices/ap/card${hex(o.adapter, 2)}/config`, text: o.on ? '1' : '0' };
    default:
      return undefined;
  }
}

/** One line a reader can type, or a comment where it is not the shell that acts. */
export function shellLine(o: Op): string {
  const write = writeOf(o);
  if (write !== undefined) return `echo '${write.text}' > ${write.path}`;
  switch (o.op) {
    case 'partition':
      return `# activation profile: adapters ${o.config.adapters} domains ${o.config.domains} control ${o.config.controls}`;
    case 'attach':
      return `# start Guest${o.vm} with -device vfio-ap,sysfsdev=${MATRIX}/${o.uuid}`;
    case 'detach':
      return `# stop the guest of ${o.uuid}`;
    case 'aqic':
      return `# the guest that has ${apqnName(o.queue)} enables its interruptions`;
    default:
      return `# ${JSON.stringify(o)}`;
  }
}

/** The host side under test with its guests. */
export class Bench {
  readonly partition: FakePartition = goldenPartition();
  readonly timers = new FakeTimers();
  readonly host: HostSide;
  readonly vms = Array.from({ length: VM_COUNT }, (_, n) => new FakeVm(`Guest${n}`));
  readonly files = new Map<string, VfioApFile>();
  /** Queues with a pinned NIB and a registered ISC. */
  readonly enabled = new Set<number>();

  constructor() {
    const { enabled } = this;
    this.host = createHostSide({
      // The model scans only where a line says so.
      switches: { requestsRescan: false },
      partition: this.partition,
      timers: this.timers,
      profile: 'current',
      interrupts: {
        freeResources: (apqn) => {
          this.enabled.delete(apqn);
        },
        // biome-ignore lint/correctness/useYield: nothing here takes time.
        disable: function* (this: void, apqn: number) {
          enabled.delete(apqn);
        },
        nibPage: (apqn) => (this.enabled.has(apqn) ? 0x1000 : undefined),
      },
    });
    this.timers.run(this.host.boot());
  }

  apply(o: Op): string {
    const write = writeOf(o);
    if (write !== undefined)
      return this.timers.run(this.host.sysfs.write(write.path, `${write.text}\n`));
    switch (o.op) {
      case 'partition':
        this.partition.setConfiguration(o.config.adapters, o.config.domains, o.config.controls);
        return 'ok';
      case 'aqic':
        if (this.vms.some((vm) => vm.apqns().includes(o.queue))) this.enabled.add(o.queue);
        return 'ok';
      case 'checkstop':
        this.partition.hardware[o.adapter]!.checkstop = o.on;
        return 'ok';
      case 'attach': {
        const vm = this.vms[o.vm];
        const result = this.timers.run(openVfioDevice(this.host.matrix, o.uuid, vm));
        if (result.errno !== undefined) return result.errno;
        this.files.set(o.uuid, result.file);
        return 'ok';
      }
      case 'detach':
        this.timers.run(this.files.get(o.uuid)!.close());
        this.files.delete(o.uuid);
        return 'ok';
      case 'vfio-reset': {
        const file = this.files.get(o.uuid);
        if (file === undefined) return 'closed';
        return this.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' })).errno ?? 'ok';
      }
      default:
        throw new Error(`cannot do ${o.op}`);
    }
  }
}
