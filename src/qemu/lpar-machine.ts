// SPDX-License-Identifier: Apache-2.0
// `--lpar`: a machine whose only program is the partition itself. The QEMU guest's AP instructions are the partition's own, not
// under SIE; there is no emulated host, because the kernel in QEMU is the host.
// Source: docs/design.md section 3; docs/reference/ap-architecture.md 1.6, AD-17, AD-33 (AQIC of a host).

import { MACHINE_PROFILES } from '../../native-like/arch/adapter-types.ts';
import { FC_AQIC, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { AQIC_GISA_MASK, AQIC_GISC_MASK, AQIC_ISC_MASK } from '../../native-like/arch/registers.ts';
import { AP_RESPONSE_INVALID_ADDRESS } from '../../native-like/arch/response-codes.ts';
import { STATUS_RC_MASK, STATUS_RC_SHIFT } from '../../native-like/arch/status-word.ts';
import { createSharedMemory } from '../../native-like/machine/globals.ts';
import { setFacilities } from '../../native-like/machine/guest-setup.ts';
import {
  type ImageShape,
  imageBytes,
  layOutImage,
  type MachineImage,
} from '../../native-like/machine/image.ts';
import * as L from '../../native-like/machine/layout.ts';
import { type AdapterModel, processRequest } from '../cex/adapter.ts';
import { targetDomain } from '../cex/domains.ts';
import { requestServiceNs } from '../cex/service.ts';
import type { AdapterConfig, MachineConfig } from '../config/types.ts';
import { hostFacilities } from '../kvm/guest-facilities.ts';
import { Faults } from '../lpar/faults.ts';
import { type Kernel, loadKernel } from '../lpar/kernel.ts';
import { Partition } from '../lpar/partition.ts';
import { AdapterService, type ServiceModels } from '../lpar/service.ts';
import { EXTERNAL_NIB_BIAS, ExternalRouter } from './external.ts';
import { MachineService } from './machine-service.ts';

/** A partition and its only program. */
export interface LparMachine {
  readonly image: MachineImage;
  readonly partition: Partition;
  readonly faults: Faults;
  /** The partition as a QEMU guest. Connect it once. */
  readonly service: MachineService;
}

/** CPUs share vCPU blocks beyond this number. */
const VCPUS = 2;
/** Word after the alert list origin: host interruptions pending by sub-class, 0x80 >> isc. Source: native-like/exec/notify.ts. */
const HOST_PENDING = L.C_GIB + 1;

/** Registers of AQIC in the vCPU block. */
const GR0_LOW = L.V_GR + 1;
const GR1_HIGH = L.V_GR + 2;
const GR1_LOW = L.V_GR + 3;
const GR2_HIGH = L.V_GR + 4;
const GR2_LOW = L.V_GR + 5;

const immediately = (change: () => void): void => change();

/** The machine's QCI words and timings, as a partition's activation writes them. */
function writeMachine(image: MachineImage, config: MachineConfig): void {
  const { profile, timing } = config.machine;
  const row = MACHINE_PROFILES.find((candidate) => candidate.name === profile)!;
  const { i32, f64 } = image;
  i32[L.C_QCI_FLAGS] = row.qciFlags;
  i32[L.C_QCI_NA_ND] = (row.na << 8) | row.nd;
  f64[L.C_TIME_RAPQ >> 1] = timing.rapqNs;
  f64[L.C_TIME_ZAPQ >> 1] = timing.zapqNs;
  f64[L.C_TIME_AQIC >> 1] = timing.aqicNs;
  setFacilities(image, 0, hostFacilities(row.facilities, row.qciFlags));
}

/** Card models by adapter number, as the configuration has them. */
export function cardModels(
  image: MachineImage,
  partition: Partition,
  config: MachineConfig,
  random: (target: Uint8Array) => void,
): ServiceModels {
  const made = new Map<number, AdapterModel>();
  const model = (apqn: number): AdapterModel => {
    const apid = apqn >>> 8;
    let found = made.get(apid);
    if (found === undefined) {
      const given: AdapterConfig | undefined = config.machine.adapters.get(apid);
      const profile = partition.adapters.get(apid)!;
      const functions = image.word(image.queue(apqn) + L.Q_GR2_HIGH) >>> 0;
      const serial = given?.serial ?? `APEMU${apid.toString(16).padStart(3, '0').toUpperCase()}`;
      found = { type: profile.type, mode: profile.mode, functions, serial, ml: profile.ml };
      made.set(apid, found);
    }
    return found;
  };
  return {
    answer: ({ apqn, special, bytes, room }) =>
      processRequest(model(apqn), bytes, room, {
        apid: apqn >>> 8,
        apqi: apqn & 0xff,
        usage: (domain) => partition.usageDomains.has(domain),
        control: (domain) => partition.controlDomains.has(domain),
        random,
        special,
        maxReplyBytes: room.length,
      }),
    ratedNs: (apqn, request) => {
      const { type, mode } = model(apqn);
      return requestServiceNs(type, mode, request, { kind: 'rated' });
    },
  };
}

/**
 * Builds a partition from a configuration's `machine` part; hosts, mdevs and guests in it are ignored.
 *
 * @param random source of the cards' random numbers
 */
export async function createLparMachine(
  config: MachineConfig,
  random: (target: Uint8Array) => void,
): Promise<LparMachine> {
  const shape: ImageShape = {
    guests: [{ vcpus: VCPUS, storageBytes: 0 }],
    messageBytes: config.machine.messageMemory,
  };
  const image = layOutImage(createSharedMemory(imageBytes(shape)), shape);
  const router = new ExternalRouter();
  router.image = image;
  const kernel = await loadKernel(image, {
    external: router,
    targetDomain: (mode, payload, length) =>
      mode === L.DEVICE_LOOPBACK ? -1 : targetDomain(image.u8.slice(payload, payload + length)),
  });
  writeMachine(image, config);
  const { adapters, usageDomains, controlDomains, seed } = config.machine;
  const profiles = [...adapters.values()].map((adapter) => ({
    ...adapter,
    ml: adapter.ml ?? 3,
  }));
  const profile = { adapters: profiles as never, usageDomains, controlDomains, seed };
  const partition = new Partition(image, kernel, profile, immediately);
  for (const adapter of adapters.values()) {
    if (!adapter.configured) partition.deconfigure(adapter.apid);
  }
  const faults = new Faults(partition, seed, immediately);
  const cards = new AdapterService(image, kernel, cardModels(image, partition, config, random));
  const service = new MachineService(new LparPorts(image, kernel, router, cards));
  return { image, partition, faults, service };
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
    if (aqic && ended === L.EXECUTE_COMPLETED && refused === AP_RESPONSE_INVALID_ADDRESS) {
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
    if (rc === 0) i32[v + L.V_PSW_MASK_HIGH] = i32[v + L.V_PSW_MASK_HIGH] & ~L.PSW_CC;
  }

  settle(): void {
    if (this.#cards.wanted) this.#cards.serve();
  }

  advance(nowNs: number): number {
    this.image.f64[L.C_CLOCKS >> 1] = nowNs;
    return this.#cards.serve();
  }

  pendingIsc(mask: number): number {
    const pending = this.image.word(HOST_PENDING) & (mask >>> 24);
    return pending === 0 ? -1 : Math.clz32(pending) - 24;
  }

  takeInterruption(isc: number): number {
    Atomics.and(this.image.i32, HOST_PENDING, ~(0x80 >> isc));
    return (0x80000000 | (isc << 27)) >>> 0;
  }

  reset(): void {
    this.image.i32[HOST_PENDING] = 0;
    for (let n = 1; n < this.image.queues; n++) {
      this.#kernel.flush(this.image.queueRecord(n));
      this.#kernel.disableInterruptions(this.image.queueRecord(n));
    }
  }
}
