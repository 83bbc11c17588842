// SPDX-License-Identifier: Apache-2.0
// The invariants I-1 to I-6 of docs/reference/vfio-ap.md section 1.2, looked at from outside.

import { apqnName } from '../../src/ap-bus/apqn.ts';
import { bitsOf, testBit } from '../../src/ap-bus/mask.ts';
import type { MatrixMdev } from '../../src/vfio-ap/mdev.ts';
import type { FakeVm } from './fake-vm.ts';
import type { Bench } from './sequences.ts';

const listed = (numbers: readonly number[]): string => numbers.join(',');

/** Checks after each operation; remembers who used a queue last for I-6. */
export class InvariantChecker {
  readonly bench: Bench;
  /** Last user of a queue that left something in it. */
  readonly #dirty = new Map<number, string>();

  constructor(bench: Bench) {
    this.bench = bench;
  }

  /** Text of the first violation, or undefined. */
  check(): string | undefined {
    const { bench } = this;
    for (const mdev of bench.host.matrix.mdevs) {
      const text = this.#shadow(mdev) ?? this.#exclusive(mdev);
      if (text !== undefined) return text;
    }
    for (const vm of bench.vms) {
      const text = this.#guest(vm);
      if (text !== undefined) return text;
    }
    return this.#interrupts() ?? this.#zeroized();
  }

  /** I-5. */
  #interrupts(): string | undefined {
    for (const apqn of this.bench.enabled) {
      const kvm = this.bench.host.matrix.queues[apqn]?.mdev?.kvm ?? null;
      if (kvm === null) return `I-5: ${apqnName(apqn)} holds a NIB and has no guest`;
    }
    return undefined;
  }

  /** I-1. */
  #shadow(mdev: MatrixMdev): string | undefined {
    const { info, queues } = this.bench.host.matrix;
    for (const part of ['apm', 'aqm', 'adm'] as const) {
      for (const n of bitsOf(mdev.shadow[part])) {
        if (!testBit(mdev.matrix[part], n) || !testBit(info[part], n)) {
          return `I-1: ${mdev.uuid} has ${part} ${n} in its shadow, not in matrix and host configuration`;
        }
      }
    }
    for (const apid of bitsOf(mdev.shadow.apm)) {
      for (const apqi of bitsOf(mdev.shadow.aqm)) {
        const queue = queues[(apid << 8) | apqi];
        if (queue?.mdev !== mdev)
          return `I-1: ${apqnName((apid << 8) | apqi)} is in a shadow and not linked`;
      }
    }
    return undefined;
  }

  /** I-3. */
  #exclusive(mdev: MatrixMdev): string | undefined {
    const { bus, matrix } = this.bench.host;
    for (const apid of bitsOf(mdev.matrix.apm)) {
      for (const apqi of bitsOf(mdev.matrix.aqm)) {
        const apqn = (apid << 8) | apqi;
        const others = matrix.mdevs.filter(
          (m) => testBit(m.matrix.apm, apid) && testBit(m.matrix.aqm, apqi),
        );
        if (others.length !== 1) return `I-3: ${apqnName(apqn)} is in ${others.length} mdevs`;
        // A queue overridden by hand leaves the masks' rule (section 3.4).
        if (bus.overrides === 0 && !this.#everOverridden && bus.hostOwns(apqn)) {
          return `I-3: ${apqnName(apqn)} is in ${mdev.uuid} and the host's`;
        }
      }
    }
    return undefined;
  }

  /** Set once a driver_override was used: assignments made under it outlive it. */
  overridden(): void {
    this.#everOverridden = true;
  }
  #everOverridden = false;

  /** I-2, I-4. */
  #guest(vm: FakeVm): string | undefined {
    const owners = this.bench.host.matrix.mdevs.filter((mdev) => mdev.kvm === vm);
    if (owners.length > 1) return `I-4: ${vm.name} has ${owners.length} mdevs`;
    const mdev = owners[0];
    if (mdev === undefined) {
      if (vm.apm.length + vm.aqm.length + vm.adm.length > 0)
        return `I-2: ${vm.name} is detached and has masks`;
      return vm.hook === null ? undefined : `I-2: ${vm.name} is detached and has a hook`;
    }
    if (vm.hook !== mdev) return `I-2: ${vm.name} has not its mdev's hook`;
    for (const part of ['apm', 'aqm', 'adm'] as const) {
      if (listed(vm[part]) !== listed(bitsOf(mdev.shadow[part])))
        return `I-2: ${vm.name} ${part} is not the shadow`;
    }
    return undefined;
  }

  /** I-6: what a user left is gone before somebody else has the queue. */
  #zeroized(): string | undefined {
    const { partition, host, vms } = this.bench;
    for (const apqn of [...partition.zapqs, ...partition.rapqs]) this.#dirty.delete(apqn);
    partition.zapqs = [];
    partition.rapqs = [];
    for (const apqn of this.#dirty.keys()) {
      // Gone from the configuration or off: the machine itself emptied it.
      const there =
        partition.adapters.includes(apqn >> 8) && partition.usageDomains.includes(apqn & 255);
      if (!there || !partition.hardware[apqn >> 8]?.config) this.#dirty.delete(apqn);
    }
    const users: [number, string][] = vms.flatMap((vm) =>
      vm.apqns().map((q): [number, string] => [q, vm.name]),
    );
    for (const device of host.bus.devices) {
      if (device.kind === 'queue' && device.driver?.isDefault)
        users.push([device.apqn, 'the host']);
    }
    for (const [apqn, user] of users) {
      const last = this.#dirty.get(apqn);
      if (last !== undefined && last !== user)
        return `I-6: ${user} finds ${last}'s data in ${apqnName(apqn)}`;
      this.#dirty.set(apqn, user);
    }
    return undefined;
  }
}
