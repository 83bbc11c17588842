// SPDX-License-Identifier: Apache-2.0
// The state of the model: vCPUs, guests, adapters and queues as plain objects.
// Source: ap-architecture.md 1.10, 2.4, 5.6.

import type { AdapterConfig, GuestConfig, Psw } from '../vectors/under-test.ts';

export interface Message {
  readonly psmid: bigint;
  readonly bytes: Uint8Array;
}

/** What AQIC told the machine about notification (1.6). */
export interface Notification {
  readonly nib: number;
  readonly isc: number;
  readonly gisc: number;
  /** Address of the GISA, 0 = plain host interruption. */
  readonly gisa: number;
}

export type BindState = 'unbound' | 'bound' | 'associating' | 'associated';

export interface ModelAdapter {
  readonly config: AdapterConfig;
  deconfigured: boolean;
  checkstopped: boolean;
}

/** One queue: requests in work, replies, and what is under way. */
export class ModelQueue {
  readonly apqn: number;
  readonly adapter: ModelAdapter;
  requests: Message[] = [];
  replies: Message[] = [];
  /** Parts of a message whose last part has not come (AD-19, AD-18). */
  open: Message | undefined;
  /** First reply partly delivered: bytes given so far and number of parts (AD-10). */
  partial: { position: number; parts: number } | undefined;
  notification: Notification | undefined;
  aqicPending = false;
  resetting = false;
  busy = false;
  bind: BindState = 'unbound';
  secret: { guest: number; index: number } | undefined;
  asyncError: number | undefined;

  constructor(apqn: number, adapter: ModelAdapter) {
    this.apqn = apqn;
    this.adapter = adapter;
  }

  get apqi(): number {
    return this.apqn & 0xff;
  }

  /** Messages that count towards the depth; a partly delivered reply still counts. */
  get used(): number {
    return this.requests.length + this.replies.length;
  }

  get full(): boolean {
    return this.used >= this.adapter.config.depth;
  }

  /** Longest message in bytes (4.5). */
  get limit(): number {
    return (this.adapter.config.ml || 3) * 4096;
  }
}

export interface ModelVcpu {
  readonly gr: bigint[];
  psw: Psw;
}

export interface ModelGuest {
  readonly index: number;
  readonly config: GuestConfig;
  readonly facilities: ReadonlySet<number>;
  readonly apcb: { apm: Set<number>; aqm: Set<number>; adm: Set<number> }[];
  readonly storage: Uint8Array;
  readonly vcpus: ModelVcpu[];
}
