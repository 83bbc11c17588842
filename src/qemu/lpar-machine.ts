// SPDX-License-Identifier: Apache-2.0
// `--lpar`: a machine whose only program is the partition itself. The QEMU guest's AP instructions are the partition's own, not
// under SIE; there is no emulated host, because the kernel in QEMU is the host.
// Source: docs/design.md section 3; docs/reference/ap-architecture.md 1.6, AD-17, AD-33 (AQIC of a host).

import { FC_AQIC, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { PSW_CC } from '../../native-like/arch/psw.ts';
import { AQIC_GISA_MASK, AQIC_GISC_MASK, AQIC_ISC_MASK } from '../../native-like/arch/registers.ts';
import { AP_RESPONSE_INVALID_ADDRESS } from '../../native-like/arch/response-codes.ts';
import { STATUS_RC_MASK, STATUS_RC_SHIFT } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import * as L from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED } from '../../native-like/machine/outcome.ts';
import type { MachineConfig } from '../config/types.ts';
import { type Card, cardModels } from '../host/context/card-models.ts';
import { releaseLoadedImage, takeLoadedImage } from '../host/context/loaded-image.ts';
import { adapterProfile, cardOf, writeMachine } from '../host/machine/compose.ts';
import { clearPending, interruptionWord, pendingMask } from '../kvm/interruptions.ts';
import { Faults } from '../lpar/faults.ts';
import type { Kernel } from '../lpar/kernel.ts';
import { Partition } from '../lpar/partition.ts';
import { AdapterService } from '../lpar/service.ts';
import { EXTERNAL_NIB_BIAS, ExternalRouter } from './external.ts';
import { MachineService } from './machine-service.ts';

/** A partition and its only program. */
export interface LparMachine {
  readonly image: MachineImage;
  readonly partition: Partition;
  readonly faults: Faults;
  /** The partition as a QEMU guest. Connect it once. */
  readonly service: MachineService;
  /** Ends the machine and gives its memory back. */
  close(): void;
}

/** CPUs share vCPU blocks beyond this number. */
const VCPUS = 2;
/** Registers of AQIC in the vCPU block. */
const GR0_LOW = L.V_GR + 1;
const GR1_HIGH = L.V_GR + 2;
const GR1_LOW = L.V_GR + 3;
const GR2_HIGH = L.V_GR + 4;
const GR2_LOW = L.V_GR + 5;

const immediately = (change: () => void): void => change();

/** Builds a partition from a configuration's `machine` part; hosts, mdevs and guests in it are ignored. */
export async function createLparMachine(config: MachineConfig): Promise<LparMachine> {
  const loaded = await takeLoadedImage({
    guests: [{ vcpus: VCPUS, storageBytes: 0 }],
    messageBytes: config.machine.messageMemory,
  });
  const { image, kernel } = loaded;
  const router = new ExternalRouter();
  router.image = image;
  loaded.external = router;
  writeMachine(image, config);
  const { adapters, usageDomains, controlDomains, seed } = config.machine;
  const profiles = [...adapters.values()].map(adapterProfile);
  const profile = { adapters: profiles, usageDomains, controlDomains, seed };
  const partition = new Partition(image, kernel, profile, immediately);
  const faults = new Faults(partition, seed, immediately);
  const cards = new Map<number, Card>();
  for (const adapter of adapters.values()) cards.set(adapter.apid, cardOf(adapter, seed));
  const adapterService = new AdapterService(image, kernel, cardModels(image, cards, seed));
  const service = new MachineService(new LparPorts(image, kernel, router, adapterService));
  return { image, partition, faults, service, close: () => releaseLoadedImage(loaded) };
}

/** The partition's own instructions. */
class LparPorts {
  readonly guest = 0;
  readonly name = 'partition';
  readonly image: MachineImage;
  readonly router: ExternalRouter;
  readonly #kernel: Kernel;
  readonly #cards: AdapterService;

  constructor(image: MachineImage, kernel: Kernel, router: ExternalRouter, cards: AdapterService) {
    this.image = image;
    this.router = router;
    this.#kernel = kernel;
    this.#cards = cards;
  }

  execute(v: number, word: number): number {
    const { i32 } = this.image;
    const aqic = word >>> 16 === OPCODE_PQAP && i32[v + GR0_LOW] >>> GR0_FC_SHIFT === FC_AQIC;
    const controlHigh = i32[v + GR1_HIGH];
    const controlLow = i32[v + GR1_LOW];
    const ended = this.#kernel.execute(v, word);
    const refused = ((i32[v + GR1_LOW] & STATUS_RC_MASK) >>> STATUS_RC_SHIFT) as number;
    if (aqic && ended === EXECUTE_COMPLETED && refused === AP_RESPONSE_INVALID_ADDRESS) {
      this.#enable(v, controlHigh, controlLow);
    }
    return ended;
  }

  /**
   * Enables with a notification byte in QEMU's storage. The kernel has refused it (RC 06) because it knows no storage of this
   * program; all checks before that one are done. A control word with a GISA stays refused: nobody runs guests here.
   */
  #enable(v: number, controlHigh: number, controlLow: number): void {
    const { i32 } = this.image;
    const nib = i32[v + GR2_LOW];
    const outside = i32[v + GR2_HIGH] !== 0 || nib <= 0 || nib >= this.router.storageSize(0);
    if (outside || (controlLow & AQIC_GISA_MASK) !== 0 || (controlHigh & AQIC_GISC_MASK) !== 0) {
      return;
    }
    const q = this.image.queue(i32[v + GR0_LOW] & 0xffff);
    const accepted = this.#kernel.statusWithCode(q, 0);
    const isc = controlLow & AQIC_ISC_MASK;
    const at = nib + EXTERNAL_NIB_BIAS;
    const rc = this.#kernel.enableInterruptions(q, at, 0, isc, this.image.guest(0));
    i32[v + GR1_LOW] = rc === 0 ? accepted : this.#kernel.statusWithCode(q, rc);
    if (rc === 0) i32[v + L.V_PSW_MASK_HIGH] = i32[v + L.V_PSW_MASK_HIGH] & ~PSW_CC;
  }

  settle(): void {
    if (this.#cards.wanted) this.#cards.serve();
  }

  advance(nowNs: number): number {
    this.image.f64[L.C_CLOCKS >> 1] = nowNs;
    return this.#cards.serve();
  }

  pendingIsc(mask: number): number {
    const pending = pendingMask(this.image, this.guest) & (mask >>> 24);
    return pending === 0 ? -1 : Math.clz32(pending) - 24;
  }

  takeInterruption(isc: number): number {
    clearPending(this.image, this.guest, isc);
    return interruptionWord(isc);
  }

  reset(): void {
    for (let isc = 0; isc < 8; isc++) clearPending(this.image, this.guest, isc);
    for (let n = 1; n < this.image.queues; n++) {
      this.#kernel.flush(this.image.queueRecord(n));
      this.#kernel.disableInterruptions(this.image.queueRecord(n));
    }
  }
}
