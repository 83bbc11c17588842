// SPDX-License-Identifier: Apache-2.0
// Reports what happens beside the instructions: actions of the operator, faults that strike, masks that change.

import type { MachineImage } from '../../../native-like/machine/image.ts';
import { MASK_AQM } from '../../../native-like/machine/layout.ts';
import { hasBit } from '../../../native-like/machine/mask-test.ts';
import type { VirtualMachine } from '../../kvm/virtual-machine.ts';
import type { DeclaredFault } from '../../lpar/declared-fault.ts';
import type { Faults } from '../../lpar/faults.ts';
import type { Partition } from '../../lpar/partition.ts';
import type { MachineEvent, TakeEvent } from '../../trace/machine-event.ts';
import type { TraceRings } from '../../trace/ring.ts';

/** The ids in a mask, as sysfs writes them with `digits` digits; `-` if there are none. */
const idsOf = (image: MachineImage, words: number, digits: number): string => {
  const ids = Array.from({ length: 256 }, (_, id) => id).filter((id) => hasBit(image, words, id));
  return ids.map((id) => id.toString(16).padStart(digits, '0')).join(' ') || '-';
};

/** The parts of a machine that are watched. */
interface Watched {
  readonly partition: Partition;
  readonly trace: TraceRings | undefined;
  nowNs(): number;
}

export class MachineEvents {
  readonly #machine: Watched;
  readonly #take: TakeEvent;
  readonly #fired = new WeakMap<DeclaredFault, number>();

  constructor(machine: Watched, take: TakeEvent) {
    this.#machine = machine;
    this.#take = take;
    machine.partition.onOperation = (text, flushed) =>
      this.#tell('operator', text, flushed === undefined ? {} : { flushed });
  }

  /** Reports each change of a guest's masks. */
  watchMasks(image: MachineImage, vm: VirtualMachine): void {
    vm.onMasksChanged(() => {
      const masks = image.masks(vm.number);
      const adapters = idsOf(image, masks, 2);
      const domains = idsOf(image, masks + MASK_AQM, 4);
      this.#tell('masks', `adapters ${adapters}, domains ${domains}`, { guest: vm.name });
    });
  }

  declared(fault: DeclaredFault): void {
    this.#fired.set(fault, fault.fired);
    this.#tell('fault', `declared: ${fault.text}`);
  }

  /** Reports the faults that have struck since the last call. */
  strikes(faults: Faults): void {
    for (const fault of faults.list()) {
      const { fired } = fault;
      const before = this.#fired.get(fault) ?? 0;
      this.#fired.set(fault, fired);
      if (fired > before) this.#tell('fault', `strikes: ${fault.text}`);
    }
  }

  cleared(): void {
    this.#tell('fault', 'all taken back');
  }

  #tell(kind: MachineEvent['kind'], text: string, more: Partial<MachineEvent> = {}): void {
    // What went before is reported first.
    this.#machine.trace?.flush();
    this.#take({ timeNs: this.#machine.nowNs(), kind, text, ...more });
  }
}
