// SPDX-License-Identifier: Apache-2.0
// A machine whose guests run under QEMU: the same guests as otherwise (matrix, AQIC through KVM and vfio_ap, faults), with registers,
// storage and interruption delivery outside. Its time is the wall clock.
// Source: docs/design.md section 4, row qemu.

import { GISA_IPM } from '../../native-like/arch/sie.ts';
import { V_GR } from '../../native-like/machine/layout.ts';
import { EXECUTE_INTERCEPT } from '../../native-like/machine/outcome.ts';
import type { MachineConfig } from '../config/types.ts';
import { Machine } from '../host/machine/machine.ts';
import { InterceptHandler } from '../kvm/intercept.ts';
import { clearPending, interruptionWord, pendingMask } from '../kvm/interruptions.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { AqicHandler } from '../vfio-ap/aqic.ts';
import { ExternalRouter } from './external.ts';
import { MachineService } from './machine-service.ts';

/** A machine with guests under QEMU. */
export interface QemuMachine {
  readonly machine: Machine;
  /** The AP facility of a guest. Connect each once. */
  service(guest: string): MachineService;
}

/**
 * Builds a machine.
 *
 * @param guests names of the guests that run under QEMU; the others stay idle
 * @param onTrace takes a record of each AP instruction they execute
 */
export async function createQemuMachine(
  config: MachineConfig,
  guests: readonly string[],
  onTrace?: TakeTrace,
): Promise<QemuMachine> {
  const machine = await Machine.create(config, {
    external: (name) => guests.includes(name),
    ...(onTrace === undefined ? {} : { onTrace }),
  });
  const router = new ExternalRouter();
  router.image = machine.image;
  machine.loaded.external = router;
  const clock = new WallClock(machine);
  const intercepts = outsideIntercepts(machine, router);
  return {
    machine,
    service: (name) => new MachineService(new GuestPorts(machine, router, clock, intercepts, name)),
  };
}

/** KVM's handler with a vfio_ap hook that knows how much storage a guest outside has. All their state is in the image. */
function outsideIntercepts(machine: Machine, router: ExternalRouter): InterceptHandler {
  const { image, kernel, stepper } = machine;
  const hook = new AqicHandler({
    image,
    kernel,
    thread: 0,
    sleep: (ns) => stepper.advance(ns, false),
    externalSize: (guest) => router.storageSize(guest),
  });
  return new InterceptHandler(image, kernel, hook.handle);
}

/** Trace records are handed over so often, so that who reads the file sees the guest work. */
const FLUSH_NS = 200_000_000;

/** So far an operation that waits may lead the machine's time: the longest sleep of vfio_ap's hook is much shorter. */
const LEAD_NS = 500_000_000;

/** Moves the machine's time with the host's. It never goes back: an operation that waits may have led it ahead. */
class WallClock {
  readonly #machine: Machine;
  #offsetNs: number | undefined;
  #flushedNs = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  advance(nowNs: number): number {
    const { stepper, service, trace } = this.#machine;
    if (trace !== undefined && (trace.isFilling(0) || nowNs - this.#flushedNs > FLUSH_NS)) {
      this.#flushedNs = nowNs;
      trace.flush();
    }
    this.#offsetNs ??= stepper.nowNs() - nowNs;
    const behind = nowNs + this.#offsetNs - stepper.nowNs();
    if (behind > 0) stepper.advance(behind, false);
    // Somebody let time pass, at the administrator's shell: it goes on from there.
    else if (behind < -LEAD_NS) this.#offsetNs -= behind;
    return service.serve() - this.#offsetNs;
  }
}

/** One guest of the machine. */
class GuestPorts {
  readonly image;
  readonly router: ExternalRouter;
  readonly guest: number;
  readonly name: string;
  readonly #machine: Machine;
  readonly #clock: WallClock;
  readonly #intercepts: InterceptHandler;

  constructor(
    machine: Machine,
    router: ExternalRouter,
    clock: WallClock,
    intercepts: InterceptHandler,
    name: string,
  ) {
    this.image = machine.image;
    this.router = router;
    this.guest = machine.guest(name).number;
    this.name = name;
    this.#machine = machine;
    this.#clock = clock;
    this.#intercepts = intercepts;
  }

  execute(vcpu: number, word: number): number {
    const { kernel, trace } = this.#machine;
    const gr0 = this.image.word(vcpu + V_GR + 1);
    let ended = kernel.execute(vcpu, word);
    if (ended === EXECUTE_INTERCEPT) ended = this.#intercepts.handle(vcpu);
    return trace === undefined ? ended : kernel.trace(vcpu, word, gr0, ended);
  }

  settle(): void {
    const { service } = this.#machine;
    if (service.wanted) service.serve();
  }

  advance(nowNs: number): number {
    return this.#clock.advance(nowNs);
  }

  pendingIsc(mask: number): number {
    const pending = pendingMask(this.image, this.guest) & (mask >>> 24);
    return pending === 0 ? -1 : Math.clz32(pending) - 24;
  }

  takeInterruption(isc: number): number {
    clearPending(this.image, this.guest, isc);
    return interruptionWord(isc);
  }

  /** QEMU opens the vfio device anew for a guest that starts again: its queues are reset, its interruptions gone. */
  reset(): void {
    const machine = this.#machine;
    if (machine.isAttached(this.name)) {
      machine.detach(this.name);
      machine.attach(this.name);
    }
    this.image.u8[this.image.gisa(this.guest) + GISA_IPM] = 0;
  }
}
