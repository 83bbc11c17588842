// SPDX-License-Identifier: Apache-2.0
// Card and queue devices of the AP bus, and the interface of the drivers they are bound to.
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
  /** Message limit in units of 4 KiB; 0 = 12288 bytes. */
  readonly ml: number;
  /** Depth of the queue, less 1. */
  readonly qd: number;
}

/** State of a device: AP_DEV_STATE_*. */
export type DeviceState = 'UNINITIATED' | 'OPERATING' | 'SHUTDOWN' | 'ERROR';
/** State of a queue's state machine: AP_SM_STATE_*. */
export type MachineState =
  | 'RESET_START'
  | 'RESET_WAIT'
  | 'SETIRQ_WAIT'
  | 'IDLE'
  | 'WORKING'
  | 'QUEUE_FULL'
  | 'ASSOC_WAIT';

/** What a zcrypt driver keeps for each device. `online` can be switched by the administrator. */
export interface ZcryptState {
  online: boolean;
  load: number;
  /** Place in the order in which the host's drivers took their devices. */
  readonly order: number;
}

/** A card: /sys/devices/ap/cardXX. */
export class ApCard {
  readonly kind = 'card';
  readonly id: number;
  readonly name: string;
  readonly path: string;
  readonly info: HardwareInfo;
  /** Type as which the host drives the card (hwtype). */
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

/** A queue: /sys/devices/ap/cardXX/XX.YYYY. */
export class ApQueue {
  readonly kind = 'queue';
  readonly apqn: Apqn;
  readonly card: ApCard;
  readonly type: number;
  config = true;
  checkstop = false;
  state: DeviceState = 'UNINITIATED';
  machine: MachineState = 'RESET_START';
  /** Whether interrupts are on, as Linux 6.1 shows it: set by the state machine, cleared by its next reset. */
  interrupts = false;
  lastErrorRc = 0;
  totalRequests = 0;
  requestCount = 0;
  pendingCount = 0;
  /** Whether the next RAPQ has the F bit, which unbinds a secure-execution queue. */
  resetWithF = false;
  /** The bs field of TAPQ and the index of AAPQ, as last seen. */
  seBindState = 0;
  associationIndex: number | null = null;
  driverOverride: string | null = null;
  /** Whether a driver has probed the queue, so that it is in the hash of queues that are polled (ap_queues). */
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

/** A driver of AP devices. Its operations may sleep. */
export interface ApDriver {
  readonly name: string;
  /** Whether it is a driver of the host (AP_DRIVER_FLAG_DEFAULT). */
  readonly isDefault: boolean;
  /** Whether the device is in the driver's table of ids, by its kind and adapter type. */
  matches(device: ApDevice): boolean;
  probe(device: ApDevice): Outcome | Operation<Outcome>;
  remove(device: ApDevice): undefined | Operation<void>;
  /** Answers whether an APQN of apm x aqm is assigned to somebody. Asked before these APQNs become the host's. */
  inUse?(apm: Mask, aqm: Mask): Outcome | Operation<Outcome>;
  onConfigChanged?(current: QciInfo, previous: QciInfo): Operation<void>;
  onScanComplete?(current: QciInfo, previous: QciInfo): Operation<void>;
  /** Files that the driver adds to its devices while they are bound. */
  readonly cardFiles?: readonly Attribute<ApCard>[];
  readonly queueFiles?: readonly Attribute<ApQueue>[];
}
