// SPDX-License-Identifier: Apache-2.0
// vfio_ap's PQAP hook, which executes a guest's AQIC. It uses nothing but the machine image and runs in the vCPU's own thread, under the
// mdevs lock. Nothing here waits with a lock held: what has to wait yields, and goes on later with the locks taken again.
// Source: docs/reference/vfio-ap.md sections 5.2 to 5.4, docs/reference/ap-architecture.md sections 2.3, 3.4, 6.9
// (Linux drivers/s390/crypto/vfio_ap_ops.c: handle_pqap, vfio_ap_irq_enable, vfio_ap_irq_disable).
import { FACILITY_AIV } from '../../native-like/arch/facilities.ts';
import { FC_AQIC, FC_TAPQ } from '../../native-like/arch/function-codes.ts';
import { AQIC_IR, AQIC_ISC_MASK } from '../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_INVALID_ADDRESS,
  AP_RESPONSE_INVALID_GISA,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_OTHERWISE_CHANGED,
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_RESET_IN_PROGRESS,
} from '../../native-like/arch/response-codes.ts';
import { STATUS_IRQ } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_HOST_SWITCHES,
  C_MDEV,
  G_EXTERNAL,
  G_STORAGE_BYTE,
  HOST_AQIC_CHECKS_APCB,
  HOST_ISC_RC_08,
  HOST_LEAKS_AQIC,
  K_APQN,
  K_HOST_RESET,
  K_MDEV,
  K_SAVED_ISC,
  K_SAVED_NIB,
  MASK_AQM,
  V_FACILITIES,
  V_GR,
} from '../../native-like/machine/layout.ts';
import { HOOK_HANDLED, HOOK_UNSUPPORTED } from '../kvm/intercept.ts';
import { registerIsc, unregisterIsc } from '../kvm/isc.ts';
import type { Kernel } from '../lpar/kernel.ts';
import { AqicResources } from './aqic-resources.ts';
import { lockMdevs, unlockMdevs } from './mdevs-lock.ts';
import { QueueSteps, type Steps } from './queue-steps.ts';

/** vfio_ap_irq_disable: number of attempts of AQIC, then of looks with TAPQ, and the nanoseconds before each. */
const DISABLE_ATTEMPTS = 6;
const CLEAR_POLLS = 5;
const AQIC_POLL_NS = 20_000_000;

/** Whether the host's AQIC is worth another attempt. */
const isBusy = (rc: number): boolean =>
  rc === AP_RESPONSE_BUSY || rc === AP_RESPONSE_RESET_IN_PROGRESS;
/** Whether interruptions are off, or will be. */
const isAccepted = (rc: number): boolean =>
  rc === AP_RESPONSE_NORMAL || rc === AP_RESPONSE_OTHERWISE_CHANGED;

export interface AqicOptions {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  /** Number of the executing thread, which the lock records. */
  readonly thread: number;
  /** Lets time pass for the thread that executes the guest's AQIC. No lock is held meanwhile, so that host operations go on. */
  readonly sleep: (ns: number) => void;
}

/** Executes AQICs of guests, and releases what is held for them. */
export class AqicHandler {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #held: AqicResources;
  readonly #steps: QueueSteps;
  readonly #owner: number;
  readonly #sleep: (ns: number) => void;
  /** The rest of an instruction that has to wait. Most instructions need not, and nothing is allocated for them. */
  #rest: Steps | undefined;

  constructor(options: AqicOptions) {
    this.#image = options.image;
    this.#kernel = options.kernel;
    this.#held = new AqicResources(options.image);
    this.#steps = new QueueSteps(options.image, options.kernel, options.thread + 1);
    this.#owner = options.thread + 1;
    this.#sleep = options.sleep;
  }

  /** handle_pqap: executes the AQIC and puts its status into GR1. Returns HOOK_UNSUPPORTED for a guest without AIV. */
  handle = (vcpu: number, mdev: number): number => {
    if ((this.#image.word(vcpu + V_FACILITIES) & FACILITY_AIV) === 0) return HOOK_UNSUPPORTED;
    const apqn = this.#image.word(vcpu + V_GR + 1) & 0xffff;
    const q = this.#image.queue(apqn);
    this.#steps.lock(q);
    let status = this.#begin(vcpu, mdev, apqn, q);
    const rest = this.#rest;
    this.#rest = undefined;
    this.#steps.unlock(q, rest !== undefined);
    if (rest !== undefined) status = this.#sleepThrough(q, rest);
    this.#image.i32[vcpu + V_GR + 2] = 0;
    this.#image.i32[vcpu + V_GR + 3] = status;
    return HOOK_HANDLED;
  };

  #sleepThrough(q: number, rest: Steps): number {
    const steps = this.#steps.run(q, rest);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) this.#sleep(step.value);
    return step.value;
  }

  /** vfio_ap_free_aqic_resources: unregisters the ISC, unpins the NIB and forgets both. Takes the mdevs lock. */
  freeResources(q: number): void {
    lockMdevs(this.#image, this.#owner);
    this.#held.free(q);
    unlockMdevs(this.#image.i32);
  }

  /** Guest address of the page a queue's notification byte is in, or undefined. */
  nibPage(q: number): number | undefined {
    return this.#held.nibPage(q);
  }

  /** vfio_ap_irq_disable, called by the host itself. Yields nanoseconds to wait, and returns the response code. */
  *disable(q: number): Steps {
    this.#steps.lock(q);
    const rc = this.#disable(q);
    const rest = rc < 0 ? this.#goOnDisabling(q, rc, this.#unchanged(q)) : undefined;
    this.#steps.unlock(q, rest !== undefined);
    return rest === undefined ? rc : yield* this.#steps.run(q, rest);
  }

  /** Returns a function that tells after a wait whether the queue is unchanged: there, with the same mdev and registration. */
  #unchanged(q: number): () => boolean {
    const cold = this.#image.cold(q);
    const words = [K_APQN, K_MDEV, K_SAVED_ISC, K_SAVED_NIB].map((word) => cold + word);
    const before = words.map((word) => this.#image.word(word));
    return () =>
      this.#image.queue(before[0]) === q &&
      words.every((word, n) => this.#image.word(word) === before[n]);
  }

  /** Does steps 2 to 6 of handle_pqap. Returns the status; or leaves a rest, which returns it after a wait. */
  #begin(vcpu: number, mdev: number, apqn: number, q: number): number {
    const image = this.#image;
    const attached =
      (image.word(image.word(C_MDEV) + (mdev >>> 5)) & (0x80000000 >>> (mdev & 31))) !== 0;
    if (!attached || !this.#isLinked(q, apqn, mdev) || !this.#inApcb(vcpu, apqn))
      return AP_RESPONSE_Q_NOT_AVAIL << 16;
    // Linux would wait for the mdevs lock until the reset has ended. Here the guest gets an answer after which it tries again (VD-33).
    if (image.word(image.cold(q) + K_HOST_RESET) !== 0)
      return this.#kernel.statusWithCode(q, AP_RESPONSE_RESET_IN_PROGRESS);
    const before = this.#kernel.statusWithCode(q, AP_RESPONSE_NORMAL);
    const enables = (image.word(vcpu + V_GR + 2) & AQIC_IR) !== 0;
    const tried = enables ? this.#enable(vcpu, q) : AP_RESPONSE_NORMAL;
    const enabled = tried < 0 ? ~tried : tried;
    const disabled = !enables || tried < 0 ? this.#disable(q) : AP_RESPONSE_NORMAL;
    if (disabled < 0) {
      const disabling = this.#goOnDisabling(q, disabled, this.#unchanged(q));
      this.#rest = this.#goOn(q, apqn, mdev, before, disabling, enables ? enabled : undefined);
      return 0;
    }
    return this.#answer(q, before, enables ? enabled : disabled);
  }

  /** Ends an AQIC whose disabling has to wait. `enabled` is the response code of the enabling before it, if there was one. */
  *#goOn(
    q: number,
    apqn: number,
    mdev: number,
    before: number,
    disabling: Steps,
    enabled: number | undefined,
  ): Steps {
    const disabled = yield* disabling;
    // The queue may have left the mdev during the wait.
    if (!this.#isLinked(q, apqn, mdev)) return AP_RESPONSE_Q_NOT_AVAIL << 16;
    return this.#answer(q, before, enabled ?? disabled);
  }

  #answer(q: number, before: number, rc: number): number {
    return rc === AP_RESPONSE_NORMAL ? before : this.#kernel.statusWithCode(q, rc);
  }

  #isLinked(q: number, apqn: number, mdev: number): boolean {
    return this.#image.queue(apqn) === q && this.#image.word(this.#image.cold(q) + K_MDEV) === mdev;
  }

  /** VD-07: whether the APQN is in the guest's APCB. Without that switch the shadow does not matter. */
  #inApcb(vcpu: number, apqn: number): boolean {
    const image = this.#image;
    if ((image.word(C_HOST_SWITCHES) & HOST_AQIC_CHECKS_APCB) === 0) return true;
    const masks = image.masks(image.guestNumber(image.guestOf(vcpu)));
    const apm = image.word(masks + (apqn >>> 13)) & (0x80000000 >>> ((apqn >>> 8) & 31));
    const aqm = image.word(masks + MASK_AQM + ((apqn & 0xff) >>> 5)) & (0x80000000 >>> (apqn & 31));
    return apm !== 0 && aqm !== 0;
  }

  /** vfio_ap_irq_enable. Returns the response code that the guest sees, or its complement if Linux disables interruptions after it. */
  #enable(vcpu: number, q: number): number {
    const image = this.#image;
    const record = image.guestOf(vcpu);
    const guest = image.guestNumber(record);
    const nib = image.word(vcpu + V_GR + 5);
    if (!this.#held.pin(record, image.word(vcpu + V_GR + 4), nib))
      return AP_RESPONSE_INVALID_ADDRESS;
    const isc = image.word(vcpu + V_GR + 3) & AQIC_ISC_MASK;
    if (registerIsc(image, guest, isc) < 0) {
      this.#held.unpin(guest);
      const old = (image.word(C_HOST_SWITCHES) & HOST_ISC_RC_08) !== 0;
      return old ? AP_RESPONSE_INVALID_GISA : AP_RESPONSE_INVALID_ADDRESS;
    }
    const rc = this.#hostEnable(q, record, nib, isc);
    if (rc !== AP_RESPONSE_NORMAL) return this.#undo(guest, isc, rc);
    this.#held.remember(q, guest, nib, isc);
    return rc;
  }

  /** Executes the host's AQIC with the guest's GISA. */
  #hostEnable(q: number, record: number, nib: number, isc: number): number {
    const image = this.#image;
    const rc = this.#hostState(q, FC_AQIC);
    if (rc !== AP_RESPONSE_NORMAL) return rc;
    const external = image.word(record + G_EXTERNAL) !== 0;
    const at = external ? -1 : image.word(record + G_STORAGE_BYTE) + nib;
    return this.#kernel.enableInterruptions(
      q,
      at,
      image.gisa(image.guestNumber(record)),
      isc,
      record,
    );
  }

  /** The response code that a host instruction meets on the queue, faults included. */
  #hostState(q: number, fn: number): number {
    const apqn = this.#image.apqnOf(q);
    return this.#kernel.queueCondition(this.#image.vcpu(0), q, apqn, fn);
  }

  /**
   * Takes the new pin and the new registration back after an unsuccessful AQIC, except where Linux leaks them (VD-18). After any response
   * code but 07, Linux then disables interruptions, which also frees what was held before: the complement says so.
   */
  #undo(guest: number, isc: number, rc: number): number {
    const leaks =
      rc !== AP_RESPONSE_OTHERWISE_CHANGED &&
      (this.#image.word(C_HOST_SWITCHES) & HOST_LEAKS_AQIC) !== 0;
    if (!leaks) {
      unregisterIsc(this.#image, guest, isc);
      this.#held.unpin(guest);
    }
    return rc === AP_RESPONSE_OTHERWISE_CHANGED ? rc : ~rc;
  }

  /**
   * The part of vfio_ap_irq_disable that needs no wait: AQIC, one look whether the I bit is off, and the release of everything. Returns
   * the response code, or its complement if it has to wait.
   */
  #disable(q: number): number {
    const rc = this.#askToDisable(q);
    if (isBusy(rc) || (isAccepted(rc) && !this.#isClear(q))) return ~rc;
    this.#held.free(q);
    return rc;
  }

  #askToDisable(q: number): number {
    const rc = this.#hostState(q, FC_AQIC);
    return rc === AP_RESPONSE_NORMAL ? this.#kernel.beginDisable(q) : rc;
  }

  /** Repeats AQIC until it is accepted, then TAPQ until the I bit is off, with a wait before each. `begun` is from `#disable`. */
  *#goOnDisabling(q: number, begun: number, unchanged: () => boolean): Steps {
    let rc = ~begun;
    /** Whether the I bit was looked at already and was on: so it is after a disable that was accepted at once. */
    let isOn = isAccepted(rc);
    for (let attempt = 1; attempt < DISABLE_ATTEMPTS && isBusy(rc); attempt++) {
      yield AQIC_POLL_NS;
      if (!unchanged()) return rc;
      rc = this.#askToDisable(q);
    }
    for (let poll = 0; isAccepted(rc) && poll < CLEAR_POLLS; poll++) {
      if (!isOn && this.#isClear(q)) break;
      isOn = false;
      yield AQIC_POLL_NS;
      if (!unchanged()) return rc;
    }
    this.#held.free(q);
    return rc;
  }

  /** One look of vfio_ap_wait_for_irqclear. Response codes 00 and 02 show the I bit, 05 shows nothing, and any other ends the wait. */
  #isClear(q: number): boolean {
    const rc = this.#hostState(q, FC_TAPQ);
    const shown = rc === AP_RESPONSE_NORMAL || rc === AP_RESPONSE_RESET_IN_PROGRESS;
    if (!shown) return rc !== AP_RESPONSE_BUSY;
    return (this.#kernel.statusWithCode(q, rc) & STATUS_IRQ) === 0;
  }
}
