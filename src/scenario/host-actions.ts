// SPDX-License-Identifier: Apache-2.0
// What the host, the operator or the administrator does in a scenario. Outcomes other than `ok` are theirs.
// Source: docs/design.md section 10.
import { apCpuOf, rapq, zapq } from '../guest/instructions.ts';
import type { Machine } from '../host/machine/machine.ts';
import type { ScenarioEvent } from '../program/events.ts';
import { Operator } from '../program/operator.ts';
import { SysfsCommands } from '../program/sysfs-commands.ts';
import { withUuids } from './names.ts';

export class HostActions {
  /** Whether an action is under way. It may wait, and no other event happens meanwhile. */
  busy = false;
  readonly #machine: Machine;
  readonly #scan: () => void;
  #operator: Operator | undefined;
  #commands: SysfsCommands | undefined;

  /** `scan`: drivers hear that the AP configuration may have changed. */
  constructor(machine: Machine, scan: () => void) {
    this.#machine = machine;
    this.#scan = scan;
  }

  /** The machine has been taken back to an earlier moment: what is kept about its operators is void. */
  reset(): void {
    this.#operator = undefined;
    this.#commands = undefined;
  }

  act(event: ScenarioEvent): void {
    this.busy = true;
    try {
      this.#act(event);
    } finally {
      this.busy = false;
    }
  }

  #act(event: ScenarioEvent): void {
    const machine = this.#machine;
    switch (event.kind) {
      case 'lpar':
        this.#operator ??= new Operator(machine);
        this.#operator.act(event.verb, event.values);
        return;
      case 'sysfs':
        this.#commands ??= new SysfsCommands(machine);
        this.#commands.run(withUuids(machine, event.command));
        return;
      case 'host':
        (event.mnemonic === 'rapq' ? rapq : zapq)(apCpuOf(machine.hostCpu), event.apqn);
        return;
      case 'scan':
        machine.write('/sys/bus/ap/scans', '1\n');
        this.#scan();
    }
  }
}
