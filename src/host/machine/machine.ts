// SPDX-License-Identifier: Apache-2.0
// The whole machine in stepped mode: a partition whose program is apemu's own host, with KVM guests, AP bus and vfio_ap.
// Source: docs/design.md sections 1, 4 and 9.
import { GISA_IPM } from '../../../native-like/arch/sie.ts';
import type { ImageShape } from '../../../native-like/machine/image-shape.ts';
import { finish } from '../../ap-bus/driving.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import type { MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import type { GuestProgram } from '../../guest/cpu.ts';
import { clearReports } from '../../kvm/channel-report.ts';
import { GisaAlerts } from '../../kvm/gib.ts';
import { NestedGuest } from '../../kvm/nested.ts';
import type { VirtualMachine } from '../../kvm/virtual-machine.ts';
import { type PutBack, rememberList, rememberMap, together } from '../../lpar/remember.ts';
import { refuseWhileBusy } from '../../sysfs/host-records.ts';
import type { HostSide } from '../../sysfs/host-side.ts';
import type { Sysfs } from '../../sysfs/sysfs.ts';
import { openVfioDevice, type VfioApFile } from '../../vfio-ap/fd.ts';
import { GuestHandle } from '../api/guest-handle.ts';
import { fillRandom } from '../context/card-models.ts';
import { ImageCpu } from '../context/image-cpu.ts';
import { type LoadedImage, releaseLoadedImage, takeLoadedImage } from '../context/loaded-image.ts';
import { bootMachine } from './boot.ts';
import { cardAnswersOf } from './card-answers.ts';
import { type ShapeOptions, shapeOf, virtualMachines } from './compose.ts';
import { startProgram } from './guest-program.ts';
import { wireHostSide } from './host-wiring.ts';
import { PartitionMachine, type PartitionOptions } from './partition-machine.ts';
import { registerNotifier, unregisterNotifier } from './user-space.ts';

export interface MachineOptions extends ShapeOptions, PartitionOptions {
  /** Does not create the guests' mdevs: the administrator does that. Default false. */
  readonly bare?: boolean;
}

export class Machine extends PartitionMachine {
  readonly host: HostSide;
  /** The host's handler of GISA alerts. */
  readonly alerts: GisaAlerts;
  readonly guests: readonly GuestHandle[];
  /** The last warning of each guest's user space, by name of the guest. */
  readonly userLog = new Map<string, string>();
  #onStep: (what: string) => void = () => {};
  readonly #nested: NestedGuest[] = [];
  readonly #hostCpu: ImageCpu;
  readonly #files = new Map<string, VfioApFile>();

  private constructor(loaded: LoadedImage, config: MachineConfig, options: MachineOptions) {
    super(loaded, config, options);
    const { context, exclusive } = this;
    this.alerts = new GisaAlerts(this.image);
    this.partition.onQueueRemoved = (q) => context.aqic.freeResources(q);
    const vms = virtualMachines(this.image, config, exclusive);
    for (const vm of vms) this.events?.watchMasks(this.image, vm);
    this.guests = vms.map((vm, index) => this.#handle(vm, index));
    this.#hostCpu = new ImageCpu(context, 0, 0);
    this.host = wireHostSide({
      config,
      partition: this.partition,
      stepper: this.stepper,
      context,
      seed: options.seed ?? config.machine.seed,
      guests: this.guests,
      exclusive,
      step: (what) => this.#onStep(what),
    });
    const random = (target: Uint8Array): void => fillRandom(this.image, 0, target);
    this.host.bus.requests.answers = cardAnswersOf(this.cards, random);
  }

  /** Builds a machine: partition, first scan of the AP bus, masks, mdevs, guests attached, faults declared. */
  static async create(config: MachineConfig, options: MachineOptions = {}): Promise<Machine> {
    const machine = await Machine.assemble(config, options);
    try {
      bootMachine(machine, options.bare ?? false);
      return machine;
    } catch (error) {
      machine.close();
      throw error;
    }
  }

  /** All parts of a machine that has not been booted. A saved machine is put into them. */
  static async assemble(
    config: MachineConfig,
    options: MachineOptions = {},
    capacity?: ImageShape,
  ): Promise<Machine> {
    const loaded = await takeLoadedImage(shapeOf(config, options), capacity);
    try {
      return new Machine(loaded, config, options);
    } catch (error) {
      releaseLoadedImage(loaded);
      throw error;
    }
  }

  /** Open vfio devices by guest name, that is, the guests that are attached. Used for saving and restoring. */
  get files(): Map<string, VfioApFile> {
    return this.#files;
  }

  /** The attribute tree. */
  get sysfs(): Sysfs {
    return this.host.sysfs;
  }

  /** The host partition's own vCPU: instructions not under SIE. */
  get hostCpu(): ImageCpu {
    return this.#hostCpu;
  }

  /** A guest by name. Throws ApemuError for an unknown one. */
  guest(name: string): GuestHandle {
    const guest = this.guests.find((candidate) => candidate.name === name);
    if (guest === undefined) {
      const names = this.guests.map((candidate) => candidate.name).join(', ');
      throw new ApemuError(
        'APEMU_ERR_MACHINE_GUEST',
        `there is no guest ${name} (expected one of ${names})`,
      );
    }
    return guest;
  }

  /** Adds a guest of a guest, in the next free record of those the machine was made with. Throws RangeError when none is left. */
  nest(outer: string): NestedGuest {
    const number = this.guests.length + 1 + this.#nested.length;
    if (number >= this.image.guests)
      throw new RangeError('no record for a nested guest is left (option `nested`)');
    const { vm } = this.guest(outer);
    // A guest of a guest writes into this storage without anybody being told.
    this.context.storageShown(vm.number);
    const nested = new NestedGuest(this.image, this.kernel, vm, number);
    this.#nested.push(nested);
    return nested;
  }

  /** Drives a host operation to its end. Virtual time passes while it waits. */
  finish<T>(operation: Operation<T>): T {
    this.assertOpen();
    return finish(operation, (waitNs) => this.stepper.advance(waitNs, false));
  }

  /** One write(2) to a file of the tree. Returns `ok` or an errno name. */
  write(path: string, text: string): string {
    return this.finish(this.sysfs.write(path, text));
  }

  /** Attaches a guest to its mdev: open of the vfio device. Returns `ok` or an errno name. */
  attach(name: string): string {
    return this.finish(this.attachOperation(name));
  }

  /** As `attach`, for a caller that drives operations itself. `to` names the guest whose mdev is used. */
  *attachOperation(name: string, to = name): Operation<string> {
    const { uuid } = this.guest(to);
    // vfio_group_fops_open: a device that is open already cannot be opened again.
    if ((this.host.matrix.byUuid.get(uuid)?.opens ?? 0) > 0) return 'EBUSY';
    const opened = yield* openVfioDevice(this.host.matrix, uuid, this.guest(name).vm);
    if (opened.errno !== undefined) return opened.errno;
    this.openedDevice(name, opened.file);
    return 'ok';
  }

  /**
   * Notes that a guest's user space has its device open: the guest is attached, and is told of configuration changes if the kernel
   * supports that.
   */
  openedDevice(name: string, file: VfioApFile): void {
    this.#files.set(name, file);
    const warning = registerNotifier(this, this.guest(name).number, file);
    if (warning !== undefined) this.userLog.set(name, warning);
  }

  /** Detaches a guest from its mdev: last close of the vfio device. */
  detach(name: string): void {
    this.finish(this.detachOperation(name));
  }

  /** As `detach`, for a caller that drives operations itself. */
  *detachOperation(name: string): Operation<void> {
    const file = this.#files.get(name);
    if (file === undefined) return;
    this.#files.delete(name);
    unregisterNotifier(file);
    yield* file.close();
  }

  /** Whether the guest's vfio device is open. */
  isAttached(name: string): boolean {
    return this.#files.has(name);
  }

  /** Starts a guest program on a vCPU; `runPrograms` runs it. `source` is how the configuration names the program, if not by its name. */
  start(
    name: string,
    vcpu: number,
    program: GuestProgram,
    args: Readonly<Record<string, unknown>>,
    source?: string,
  ): void {
    const guest = this.guest(name);
    const state = startProgram(program, args, source);
    this.stepper.programs.push({
      guest: guest.number,
      vcpu,
      name: source ?? program.name,
      program,
      cpu: guest.cpu(vcpu).cpu,
      state,
      nextNs: this.nowNs(),
      readyNs: this.nowNs(),
      done: false,
    });
  }

  /**
   * Has `onStep` called at each point where vCPUs can go on: around writes of hook and CRYCB and around instructions of the host. Taking
   * a lock becomes a step too.
   */
  reportSteps(onStep: (what: string) => void): void {
    this.#onStep = onStep;
    for (const { vm } of this.guests) vm.onStep = (what) => onStep(`${vm.name}: ${what}`);
    const { bus, matrix } = this.host;
    for (const lock of [bus.permsLock, bus.scanLock, matrix.guestsLock, matrix.mdevsLock])
      lock.steps = true;
  }

  override get changes(): number {
    return super.changes + this.host.changes;
  }

  override refuseWhileBusy(): void {
    refuseWhileBusy(this.host);
    super.refuseWhileBusy();
  }

  override rememberRun(): PutBack {
    return together(
      super.rememberRun(),
      this.alerts.remember(),
      this.#hostCpu.remember(),
      ...this.guests.flatMap((guest) => guest.cpus.map(({ cpu }) => cpu.remember())),
    );
  }

  override rememberParts(): PutBack {
    return together(
      super.rememberParts(),
      this.host.remember(),
      rememberMap(this.#files),
      ...[...this.#files.values()].map((file) => file.remember()),
      ...this.guests.map(({ vm }) => vm.remember()),
      rememberList(this.#nested),
      ...this.#nested.map((guest) => guest.remember()),
    );
  }

  protected override afterInstruction(): void {
    this.alerts.poll();
    super.afterInstruction();
  }

  protected override afterServing(): void {
    this.alerts.poll();
  }

  /** What QEMU does for a guest that starts again: it opens the vfio device anew, so that queues are reset and interruptions end. */
  override restartProgram(number: number): void {
    const name = this.guests.find((guest) => guest.number === number)?.name;
    if (name !== undefined && this.isAttached(name)) {
      this.detach(name);
      this.attach(name);
    }
    this.image.u8[this.image.gisa(number) + GISA_IPM] = 0;
    clearReports(this.image, number);
  }

  #handle(vm: VirtualMachine, index: number): GuestHandle {
    const config = this.config.guests[index];
    const cpus = Array.from(
      { length: config.vcpus },
      (_, n) => new ImageCpu(this.context, vm.number, n),
    );
    return new GuestHandle(config, vm, this.context, cpus);
  }
}
