// SPDX-License-Identifier: Apache-2.0
// Executes AP instructions for one thread. Brings together a kernel instance, the adapters the thread serves, vfio_ap's hook, KVM's
// intercepts, the thread's clock and trace, and storage outside the image. Stepped and pooled machines and guests under QEMU all execute
// through it.
// Source: docs/design.md sections 2 to 4.
import type { ExternalStorage } from '../../../native-like/exec/registry.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { K_NIB_BYTE, V_EVENT, V_GR } from '../../../native-like/machine/layout.ts';
import { EXECUTE_INTERCEPT } from '../../../native-like/machine/outcome.ts';
import { ApemuError } from '../../errors.ts';
import { InterceptHandler } from '../../kvm/intercept.ts';
import { deliver, deliverMachineCheck } from '../../kvm/interruptions.ts';
import { AdapterService, type ServiceModels } from '../../lpar/adapter-service.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { AqicHandler } from '../../vfio-ap/aqic.ts';
import type { VirtualEngine } from '../../vfio-ap/virtual/engine.ts';
import { BroughtStorages } from './brought-storages.ts';
import { type Card, cardModels } from './card-models.ts';
import { type LoadedImage, loadImage } from './loaded-image.ts';
import { virtualParts } from './virtual.ts';
import { WrittenPages } from './written-pages.ts';

/** Is told of each instruction that a context executes, including the host's own. vCPUs are given by the word index of their block. */
export interface InstructionObserver {
  /** Called when the registers are loaded. What the observer does to the machine here happens before the instruction. */
  before(vcpu: number, word: number): void;
  /** Called when the instruction has ended (EXECUTE_COMPLETED or EXECUTE_PROGRAM), before any adapter looks at the queue. */
  executed(vcpu: number, word: number, ended: number): void;
}

export interface ContextOptions {
  /** The partition's cards by APID; they may change while the context executes. */
  readonly cards: ReadonlyMap<number, Card>;
  /** Seed of the random parts of the cards' answers. */
  readonly seed: number;
  /** Lets `ns` nanoseconds pass for this thread, when vfio_ap's hook has to wait. */
  readonly sleep: (ns: number) => void;
  /** Wraps the card models: a load generator uses this to remember replies. */
  readonly models?: ((models: ServiceModels) => ServiceModels) | undefined;
  /** Guest storage that is not in the image, if there is any. */
  readonly external?: ExternalStorage | undefined;
  /** Whether other threads use the same queues. Default false. */
  readonly shared?: boolean;
  /** Whether each instruction leaves a trace record; the image must have rings for them. Default false. */
  readonly traced?: boolean;
  /** Called before an instruction when the vCPU's event word is set: the vCPU leaves interpretive execution and enters it again. */
  readonly event?: (vcpu: number) => void;
  /** Called after each instruction, when the adapters have taken what is new. Without it, another thread serves the adapters. */
  readonly after?: () => void;
}

/** Options of a context for a thread of its own. */
export interface ThreadOptions extends ContextOptions {
  /** Number of the thread, from 1; 0 is the host. */
  readonly thread: number;
}

export class ExecutionContext {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  /** Serves the adapters of this thread. */
  readonly service: AdapterService;
  /** vfio_ap's PQAP hook, and the release of what AQICs hold. */
  readonly aqic: AqicHandler;
  readonly intercepts: InterceptHandler;
  /** Moves messages between virtual and real queues. */
  readonly engine: VirtualEngine;
  /** Is told of each instruction, if it is set. */
  observer: InstructionObserver | undefined;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  /** Index of the thread's clock among the doubles. */
  readonly #clock: number;
  readonly #shared: boolean;
  readonly #traced: boolean;
  /** Storage of guests whose programs bring it along. */
  readonly #brought: BroughtStorages;
  /** Pages of storage written since the last checkpoint; undefined before the first checkpoint is taken. */
  #written: WrittenPages | undefined;
  /** Guests whose storage was handed out as a whole. Its holder may write into it at any time, without anybody being told. */
  readonly #shown = new Set<number>();
  /** Runs before each instruction: marks what it may write, once a checkpoint was taken; refuses it when the machine is closed. */
  #before: ((vcpu: number, word: number) => void) | undefined;
  /** The place in the user's code where the machine was closed; undefined while it is open. */
  #closedAt: string | undefined;
  readonly #event: ((vcpu: number) => void) | undefined;
  readonly #after: (() => void) | undefined;

  /** Executes over an image that has its kernel. `create` loads a kernel as well. */
  constructor(loaded: LoadedImage, options: ContextOptions) {
    const { image, kernel, thread } = loaded;
    this.#brought = new BroughtStorages(image);
    loaded.external = options.external ?? this.#brought;
    this.image = image;
    this.kernel = kernel;
    const models = cardModels(image, options.cards, options.seed, thread);
    this.service = new AdapterService(image, kernel, options.models?.(models) ?? models, thread);
    this.aqic = new AqicHandler({ image, kernel, thread, sleep: options.sleep });
    const virtual = virtualParts(image, kernel, this.service, thread);
    this.engine = virtual.engine;
    this.intercepts = new InterceptHandler(image, kernel, this.aqic.handle, virtual.hook.execute);
    this.#i32 = image.i32;
    this.#f64 = image.f64;
    this.#clock = image.thread(thread) / 2;
    this.#shared = options.shared ?? false;
    this.#traced = options.traced ?? false;
    this.#event = options.event;
    this.#after = options.after;
  }

  /** Creates a context with a kernel instance of its own, for another thread of a machine. */
  static async create(image: MachineImage, options: ThreadOptions): Promise<ExecutionContext> {
    return new ExecutionContext(await loadImage(image, options.thread), options);
  }

  /**
   * Executes one instruction word of a vCPU, by the word index of its block. Returns EXECUTE_COMPLETED or EXECUTE_PROGRAM; an
   * intercepted instruction has been handled by then.
   */
  execute(vcpu: number, word: number): number {
    if (this.#before !== undefined) this.#before(vcpu, word);
    if (this.#event !== undefined && this.#i32[vcpu + V_EVENT] !== 0) this.#event(vcpu);
    if (this.observer !== undefined) this.observer.before(vcpu, word);
    let ended = this.#executeOnce(vcpu, word);
    if (ended === EXECUTE_INTERCEPT) {
      ended = this.intercepts.handle(vcpu);
      if (this.#traced) this.kernel.trace(vcpu, word, this.image.word(vcpu + V_GR + 1), ended);
    }
    if (this.observer !== undefined) this.observer.executed(vcpu, word, ended);
    if (this.#after !== undefined) {
      if (this.service.wanted) this.service.serve();
      this.#after();
    }
    return ended;
  }

  /** Executes an instruction of the host itself. It leaves no trace record and is never intercepted; the caller has the adapters served. */
  executeHost(vcpu: number, word: number): void {
    this.#before?.(vcpu, word);
    this.kernel.execute(vcpu, word);
  }

  /** Delivers one pending adapter interruption to a vCPU that is enabled for it. Returns its word, or 0. */
  takeInterruption(vcpu: number): number {
    this.assertOpen();
    this.#written?.markLowcore(vcpu);
    return deliver(this.image, vcpu);
  }

  /** Delivers the pending machine check of a channel report to a vCPU that is enabled for it. Returns whether there was one. */
  takeMachineCheck(vcpu: number): boolean {
    this.assertOpen();
    this.#written?.markLowcore(vcpu);
    return deliverMachineCheck(this.image, vcpu);
  }

  /** Writes into a guest's storage. Throws RangeError for bytes outside, with nothing written. */
  writeStorage(guest: number, address: number, bytes: Uint8Array): void {
    this.assertOpen();
    const storage = this.image.storage(guest);
    if (!Number.isInteger(address) || address < 0 || address + bytes.length > storage.length)
      throw new RangeError(
        `${bytes.length} bytes at ${address} are outside the storage (expected within ${storage.length} bytes)`,
      );
    storage.set(bytes, address);
    this.wroteStorage(guest, address, bytes.length);
  }

  /** Notes that bytes of a guest's storage were written. */
  wroteStorage(guest: number, address: number, bytes: number): void {
    this.#written?.mark(this.image.storage(guest).byteOffset + address, bytes);
  }

  /** Makes memory of its program the storage of a guest. */
  bringStorage(guest: number, storage: Uint8Array): void {
    this.assertOpen();
    this.#brought.add(guest, storage);
  }

  /** Storage of a vCPU's guest whose program has brought it along; undefined: it is in the image, or nowhere this context knows. */
  broughtStorage(vcpu: number): Uint8Array | undefined {
    return this.#brought.of(vcpu);
  }

  /** The notification byte of a queue (cold record word index) as it is now; 0 where there is none. */
  notificationByte(cold: number): number {
    const nib = this.image.word(cold + K_NIB_BYTE);
    return nib > 0 ? this.image.u8[nib] : this.#brought.notificationByte(cold);
  }

  /** Notes that a guest's storage was handed out as a whole, so that checkpoints have to compare it. */
  storageShown(guest: number): void {
    this.assertOpen();
    this.#shown.add(guest);
  }

  get shownStorages(): ReadonlySet<number> {
    return this.#shown;
  }

  /** Marks the notification bytes of all queues as written. */
  noteNotifications(): void {
    this.#written?.markNotificationBytes();
  }

  /** Begins to record which pages are written, if that has not begun yet. */
  trackWrites(): WrittenPages {
    if (this.#written === undefined) {
      const written = new WrittenPages(this.image);
      this.#written = written;
      this.#before = (vcpu, word) => written.markInstruction(vcpu, word);
    }
    return this.#written;
  }

  /** Ends the context: its image may be used for another machine. `where` is the place of the call, which errors of old handles name. */
  close(where: string): void {
    this.#closedAt ??= where;
    this.#before = () => this.assertOpen();
  }

  get closed(): boolean {
    return this.#closedAt !== undefined;
  }

  /** @throws ApemuError `APEMU_ERR_MACHINE_CLOSED` after `close` */
  assertOpen(): void {
    if (this.#closedAt === undefined) return;
    throw new ApemuError(
      'APEMU_ERR_MACHINE_CLOSED',
      `this handle is of a machine that was closed ${this.#closedAt}`,
    );
  }

  #executeOnce(vcpu: number, word: number): number {
    if (this.#traced) return this.kernel.executeTraced(vcpu, word, this.#shared);
    return this.#shared ? this.kernel.executeShared(vcpu, word) : this.kernel.execute(vcpu, word);
  }

  /** The thread's time in nanoseconds. */
  get nowNs(): number {
    return this.#f64[this.#clock];
  }

  set nowNs(ns: number) {
    this.#f64[this.#clock] = ns;
  }
}
