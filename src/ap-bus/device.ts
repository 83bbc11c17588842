// SPDX-License-Identifier: Apache-2.0
// Card and queue devices of the AP bus, and the driver interface they are bound through.
// Source: docs/reference/vfio-ap.md sections 1.1, 3.3, 3.4 and 4.4 (ap_bus.h: struct ap_card, ap_queue, ap_driver).

import { type Apqn, apidOf, apqiOf, apqnName, hex } from './apqn.ts';
import type { Attribute } from './attribute.ts';
import type { Outcome } from './errno.ts';
import type { QciInfo } from './host-qci.ts';
import type { Mask } from './mask.ts';
import type { Operation } from './operation.ts';

/** Fields of TAPQ's GR2 that belong to the card. Source: ap-architecture.md section 4.4. */
export interface HardwareInfo {
  /** Facility word: GR2 bits 0-31. */
  readonly functions: number;
  /** Type number as reported. */
  readonly type: number;
  /** Message limit in 4 KiB units; 0 = 12288 bytes. */
  readonly ml: number;
  /** Depth - 1. */
  readonly qd: number;
}

/** Device life: AP_DEV_STATE_*. */
export type DeviceState = 'UNINITIATED' | 'OPERATING' | 'SHUTDOWN' | 'ERROR';
/** State machine: AP_SM_STATE_*. */
export type MachineState =
  | 'RESET_START'
  | 'RESET_WAIT'
  | 'SETIRQ_WAIT'
  | 'IDLE'
  | 'WORKING'
  | 'QUEUE_FULL'
  | 'ASSOC_WAIT';

/** What an adapter driver keeps per device; `online` is the zcrypt switch. */
export interface ZcryptState {
  online: boolean;
  load: number;
  /** Place among the devices that the host's drivers took. */
  readonly order: number;
}

/** /sys/devices/ap/cardXX. */
export class ApCard {
  readonly kind = 'card';
  readonly id: number;
  readonly name: string;
  readonly path: string;
  readonly info: HardwareInfo;
  /** Type the host can drive (hwtype). */
  readonly type: number;
  config = true;
  checkstop = false;
  totalRequests = 0;
  driver: ApDriver | null = null;
  zcrypt: ZcryptState | null = null;

  constructor(id: number, info: HardwareInfo, type: number) {
    this.id = id;
    this.name = `card${hex(id, 2)}`;
    this.path = `/devices/ap/${this.name}`;
    this.info = info;
    this.type = type;
  }
}

/** /sys/devices/ap/cardXX/XX.YYYY. */
export class ApQueue {
  readonly kind = 'queue';
  readonly apqn: Apqn;
  readonly card: ApCard;
  readonly type: number;
  config = true;
  checkstop = false;
  state: DeviceState = 'UNINITIATED';
  machine: MachineState = 'RESET_START';
  /** What 6.1 shows: set by the state machine, cleared by its next reset. */
  interrupts = false;
  lastErrorRc = 0;
  totalRequests = 0;
  requestCount = 0;
  pendingCount = 0;
  /** Next RAPQ carries the F bit (unbind of a secure-execution queue). */
  resetWithF = false;
  /** TAPQ bs field and AAPQ index, as last seen. */
  seBindState = 0;
  associationIndex: number | null = null;
  driverOverride: string | null = null;
  /** A driver probed it: it is in the hash of queues that are polled (ap_queues). */
  polled = false;
  driver: ApDriver | null = null;
  zcrypt: ZcryptState | null = null;

  constructor(apqn: Apqn, card: ApCard) {
    this.apqn = apqn;
    this.card = card;
    this.type = card.type;
  }

  get apid(): number {
    return apidOf(this.apqn);
  }

  get apqi(): number {
    return apqiOf(this.apqn);
  }

  get name(): string {
    return apqnName(this.apqn);
  }

  get path(): string {
    return `${this.card.path}/${this.name}`;
  }
}

export type ApDevice = ApCard | ApQueue;

/** What a driver of AP devices offers. Operations may sleep. */
export interface ApDriver {
  readonly name: string;
  /** AP_DRIVER_FLAG_DEFAULT: belongs to the host. */
  readonly isDefault: boolean;
  /** Device id table: kind and adapter type. */
  matches(device: ApDevice): boolean;
  probe(device: ApDevice): Outcome | Operation<Outcome>;
  remove(device: ApDevice): undefined | Operation<void>;
  /** Is an APQN of apm x aqm assigned to somebody? Asked before these become the host's. */
  inUse?(apm: Mask, aqm: Mask): Outcome | Operation<Outcome>;
  onConfigChanged?(current: QciInfo, previous: QciInfo): Operation<void>;
  onScanComplete?(current: QciInfo, previous: QciInfo): Operation<void>;
  /** Files the driver adds to a device while bound. */
  readonly cardFiles?: readonly Attribute<ApCard>[];
  readonly queueFiles?: readonly Attribute<ApQueue>[];
}
