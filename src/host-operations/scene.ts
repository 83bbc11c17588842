// SPDX-License-Identifier: Apache-2.0
// What a generator of operations knows: names of the partition's cards and queues, mdevs, files, and what the partition has now.
// Source: docs/reference/vfio-ap.md section 3 (paths).
import { hex } from '../ap-bus/apqn.ts';
import { formatApqn } from '../config/units.ts';
import type { Random } from '../lpar/random.ts';
import type { GoldenPartition, RecordedOperation } from '../sysfs/recorded-operation.ts';

export const MATRIX = '/sys/devices/vfio_ap/matrix';
export const MDEV_TYPE = `${MATRIX}/mdev_supported_types/vfio_ap-passthrough`;
export const BUS = '/sys/bus/ap';
/** mdevs that come and go; the first ones are there from the start. */
export const UUIDS: readonly string[] = ['1', '2', '3'].map((digit) =>
  [8, 4, 4, 4, 12].map((length) => digit.repeat(length)).join('-'),
);

/** Sometimes a number that no adapter or domain has. */
const STRANGE_PERCENT = 8;
const STRANGE_ADAPTERS = [255, 256, 300, 0, 7];
const STRANGE_DOMAINS = [0, 1, 254, 255, 256, 999];

export class Scene {
  readonly random: Random;
  /** Everything the partition may have. */
  readonly adapters: readonly number[];
  readonly domains: readonly number[];
  /** The partition as it is now. */
  partition: GoldenPartition;

  /** `partition`: everything it may have; it has all of it at first. */
  constructor(random: Random, partition: GoldenPartition) {
    this.random = random;
    this.adapters = partition.adapters;
    this.domains = partition.usageDomains;
    this.partition = partition;
  }

  card(adapter = this.random.pick(this.adapters)): string {
    return `card${hex(adapter, 2)}`;
  }

  queue(): string {
    return formatApqn((this.random.pick(this.adapters) << 8) | this.random.pick(this.domains));
  }

  /** Paths of all queues. */
  queues(): string[] {
    return this.adapters.flatMap((adapter) =>
      this.domains.map((domain) => this.device(formatApqn((adapter << 8) | domain))),
    );
  }

  device(name: string): string {
    return `${BUS}/devices/${name}`;
  }

  uuid(): string {
    return this.random.pick(UUIDS);
  }

  /** Path of an mdev, by the one name or the other. */
  mdev(): string {
    return `${this.random.chance(3) ? '/sys/bus/mdev/devices' : MATRIX}/${this.uuid()}`;
  }

  adapter(): number {
    const { random } = this;
    return random.pick(random.chance(STRANGE_PERCENT) ? STRANGE_ADAPTERS : this.adapters);
  }

  domain(): number {
    const { random } = this;
    return random.pick(random.chance(STRANGE_PERCENT) ? STRANGE_DOMAINS : this.domains);
  }

  /** Some of the adapters. */
  someAdapters(): number[] {
    return this.random.some(this.adapters, 50);
  }

  someDomains(): number[] {
    return this.random.some(this.domains, 50);
  }

  /** Lets a number in or out of one of the partition's lists. */
  change(): RecordedOperation {
    const { random, partition } = this;
    const list = random.pick(['adapters', 'usageDomains', 'controlDomains'] as const);
    const all = list === 'adapters' ? this.adapters : this.domains;
    const changed = new Set(partition[list]);
    for (let left = random.chance(25) ? 2 : 1; left > 0; left--) {
      const number = random.pick(all);
      if (!changed.delete(number)) changed.add(number);
    }
    this.partition = { ...partition, [list]: all.filter((number) => changed.has(number)) };
    return ['partition', this.partition];
  }
}
