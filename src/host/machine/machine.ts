// SPDX-License-Identifier: Apache-2.0
// A machine composed from its configuration, in stepped mode: partition, host side, guests, virtual time.
// Source: docs/design.md sections 1, 4 and 9.
import type { ImageShape, MachineImage } from '../../../native-like/machine/image.ts';
import { C_GENERATION, C_TIME_START } from '../../../native-like/machine/layout.ts';
import { finish, type Operation } from '../../ap-bus/operation.ts';
import { setAdapterTexts } from '../../ap-bus/zcrypt-card-files.ts';
import { type FaultObject, faultFromObject } from '../../config/load.ts';
import type { FaultConfig, MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import type { GuestProgram } from '../../guest/cpu.ts';
import { GisaAlerts } from '../../kvm/gib.ts';
import { InterceptHandler } from '../../kvm/intercept.ts';
import { NestedGuest } from '../../kvm/nested.ts';
import type { VirtualMachine } from '../../kvm/virtual-machine.ts';
import { Faults } from '../../lpar/faults.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { Partition } from '../../lpar/partition.ts';
import { AdapterService, type ServiceModels } from '../../lpar/service.ts';
import type { HostSide } from '../../sysfs/host-side.ts';
import type { Sysfs } from '../../sysfs/sysfs.ts';
import { TraceRings } from '../../trace/ring.ts';
import { AqicHandler } from '../../vfio-ap/aqic.ts';
import { openVfioDevice, type VfioApFile } from '../../vfio-ap/fd.ts';
import { GuestHandle } from '../api/guest-handle.ts';
import { type Card, cardModels } from '../context/card-models.ts';
import { ImageCpu } from '../context/image-cpu.ts';
import { type LoadedImage, releaseLoadedImage, takeLoadedImage } from '../context/loaded-image.ts';
import { adapterTextsOf } from './adapter-texts.ts';
import { bootMachine } from './boot.ts';
import {
  adapterProfile,
  cardOf,
  faultsOf,
  guestNames,
  type ShapeOptions,
  shapeOf,
  virtualMachines,
  writeMachine,
} from './compose.ts';
import { wireHostSide } from './host-wiring.ts';
import { Stepper } from './stepper.ts';

export interface MachineOptions extends ShapeOptions {
  /** Replaces the configuration's seed. */
  readonly seed?: number;
  /** Runs a change with a guest's vCPUs (undefined: all vCPUs) out of interpretive execution. Default: stepped, just runs it. */
  readonly exclusive?: (guest: number | undefined, change: () => void) => void;
  /** Leaves the guests' mdevs uncreated: the administrator does it. */
  readonly bare?: boolean;
  /** Wraps what the adapters answer: a load generator remembers replies. */
  readonly models?: (models: ServiceModels) => ServiceModels;
}

export class Machine {
  readonly config: MachineConfig;
  readonly image: MachineImage;
  readonly kernel: Kernel;
  readonly partition: Partition;
  readonly faults: Faults;
  readonly host: HostSide;
  readonly stepper: Stepper;
  readonly service: AdapterService;
  readonly intercepts: InterceptHandler;
  readonly aqic: AqicHandler;
  /** Records of AP instructions, with `onTrace`. */
  readonly trace: TraceRings | undefined;
  /** The host's handler of GISA alerts. */
  readonly alerts: GisaAlerts;
  readonly loaded: LoadedImage;
  readonly cards = new Map<number, Card>();
  readonly guests: readonly GuestHandle[];
  #onStep: (what: string) => void = () => {};
  #nested = 0;
  readonly #hostCpu: ImageCpu;
  readonly #files = new Map<string, VfioApFile>();

  private constructor(loaded: LoadedImage, config: MachineConfig, options: MachineOptions) {
    this.config = config;
    this.loaded = loaded;
    this.image = loaded.image;
    this.kernel = loaded.kernel;
    const seed = options.seed ?? config.machine.seed;
    const runExclusive = options.exclusive ?? ((_guest, change) => change());
    const exclusive: typeof runExclusive = (guest, change) => {
      this.image.i32[C_GENERATION] = this.image.word(C_GENERATION) + 1;
      runExclusive(guest, change);
    };
    writeMachine(this.image, config);
    const everyone = (change: () => void): void => exclusive(undefined, change);
    for (const adapter of config.machine.adapters.values())
      this.cards.set(adapter.apid, cardOf(adapter, seed));
    const wrap = options.models ?? ((models) => models);
    this.service = new AdapterService(
      this.image,
      this.kernel,
      wrap(cardModels(this.image, this.cards, seed)),
    );
    this.alerts = new GisaAlerts(this.image);
    this.stepper = new Stepper(this.image, this.service, () => this.alerts.poll());
    this.partition = new Partition(
      this.image,
      this.kernel,
      {
        adapters: [...config.machine.adapters.values()].map(adapterProfile),
        usageDomains: config.machine.usageDomains,
        controlDomains: config.machine.controlDomains,
        seed,
      },
      everyone,
    );
    this.faults = new Faults(this.partition, seed, everyone, config.machine.allowGuestDamage);
    this.aqic = new AqicHandler({
      image: this.image,
      kernel: this.kernel,
      thread: 0,
      sleep: (ns) => this.stepper.advance(ns, false),
    });
    this.partition.onQueueRemoved = (q) => this.aqic.freeResources(q);
    this.intercepts = new InterceptHandler(this.image, this.kernel, this.aqic.handle);
    if (options.onTrace !== undefined)
      this.trace = new TraceRings(this.image, guestNames(config), options.onTrace);
    const vms = virtualMachines(this.image, config, exclusive);
    this.guests = vms.map((vm, index) => this.#handle(vm, index));
    this.#hostCpu = this.#cpu(0, 0);
    this.host = wireHostSide({
      config,
      partition: this.partition,
      stepper: this.stepper,
      service: this.service,
      aqic: this.aqic,
      guests: this.guests,
      exclusive,
      step: (what) => this.#onStep(what),
    });
    setAdapterTexts(this.host.bus, adapterTextsOf(this.host.bus, this.cards));
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

  /** All parts of a machine that has not been booted: what a saved one is put into. */
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

  /** Open vfio devices by guest name: what is attached. For saving and restoring. */
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

  /** A guest of a guest, in the next free of the records the machine was made with. Throws RangeError when there is none. */
  nest(outer: string): NestedGuest {
    const number = this.guests.length + 1 + this.#nested;
    if (number >= this.image.guests)
      throw new RangeError('no record for a nested guest is left (option `nested`)');
    this.#nested++;
    return new NestedGuest(this.image, this.kernel, this.guest(outer).vm, number);
  }

  nowNs(): number {
    return this.stepper.nowNs();
  }

  /** Lets virtual time pass; guest programs do not run. */
  advance(ns: number): void {
    this.stepper.advance(ns, false);
  }

  /** Lets time pass until nothing one-off is outstanding. */
  run(): void {
    this.stepper.settle();
  }

  /** Time at which the host side was up and guests began: a configuration's times count from it. */
  get startNs(): number {
    return this.image.f64[C_TIME_START >> 1] as number;
  }

  /**
   * Declares a fault: `{ apqn: '05.0004', reply: '82/8a', count: 1 }`, with the keys of the configuration file.
   * @throws ApemuError `APEMU_ERR_CONFIG_…` for what a configuration would be refused for
   */
  fault(fault: FaultConfig | FaultObject): void {
    const checked = 'trigger' in fault ? fault : faultFromObject(fault, this.config);
    for (const one of faultsOf(this.config, checked, this.startNs)) this.faults.declare(one);
  }

  /** Drives a host operation to its end; virtual time moves through what it waits for. */
  finish<T>(operation: Operation<T>): T {
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

  /** As `attach`, for a caller that drives operations itself; `to` names the guest whose mdev it is. */
  *attachOperation(name: string, to = name): Operation<string> {
    const { uuid } = this.guest(to);
    // vfio_group_fops_open: what somebody has open cannot be opened again.
    if ((this.host.matrix.byUuid.get(uuid)?.opens ?? 0) > 0) return 'EBUSY';
    const opened = yield* openVfioDevice(this.host.matrix, uuid, this.guest(name).vm);
    if (opened.errno !== undefined) return opened.errno;
    this.#files.set(name, opened.file);
    return 'ok';
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
    yield* file.close();
  }

  /** Whether the guest's vfio device is open. */
  isAttached(name: string): boolean {
    return this.#files.has(name);
  }

  /** Starts a guest program on a vCPU; it runs with `runPrograms`. `source`: how the configuration names it, if not by its name. */
  start(
    name: string,
    vcpu: number,
    program: GuestProgram,
    args: Readonly<Record<string, unknown>>,
    source?: string,
  ): void {
    const guest = this.guest(name);
    this.stepper.programs.push({
      guest: guest.number,
      vcpu,
      name: source ?? program.name,
      program,
      cpu: guest.cpu(vcpu).cpu as ImageCpu,
      state: program.init(args),
      nextNs: this.nowNs(),
      readyNs: this.nowNs(),
      done: false,
    });
  }

  /** From now on `onStep` is called where vCPUs can go on: hook and CRYCB writes, instructions of the host; locks are steps. */
  reportSteps(onStep: (what: string) => void): void {
    this.#onStep = onStep;
    for (const { vm } of this.guests) vm.onStep = (what) => onStep(`${vm.name}: ${what}`);
    const { bus, matrix } = this.host;
    for (const lock of [bus.permsLock, bus.scanLock, matrix.guestsLock, matrix.mdevsLock])
      lock.steps = true;
  }

  /** Ends the machine and gives its memory back. */
  close(): void {
    this.trace?.flush();
    releaseLoadedImage(this.loaded);
  }

  #cpu(guest: number, vcpu: number): ImageCpu {
    return new ImageCpu({
      image: this.image,
      kernel: this.kernel,
      intercepts: this.intercepts,
      guest,
      vcpu,
      thread: 0,
      traced: this.trace !== undefined,
      after: () => {
        if (this.service.wanted) this.service.serve();
        this.alerts.poll();
        if (this.trace?.isFilling(0) === true) this.trace.flush();
      },
    });
  }

  #handle(vm: VirtualMachine, index: number): GuestHandle {
    const config = this.config.guests[index] as (typeof this.config.guests)[number];
    const cpus = Array.from({ length: config.vcpus }, (_, n) => this.#cpu(vm.number, n));
    return new GuestHandle(config, vm, this.image, cpus);
  }
}
