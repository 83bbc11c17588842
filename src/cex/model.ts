// SPDX-License-Identifier: Apache-2.0
// The input of message processing: the adapter, the surroundings of a request, and a request that is being worked on.
// Source: docs/reference/messages.md 8.1; ap-architecture.md 4.4 (facility word).
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import {
  GR2_A,
  GR2_C,
  GR2_D,
  GR2_FULL_FUNCTION,
  GR2_H,
  GR2_M,
  GR2_N,
  GR2_RESTRICTED_FUNCTION,
  GR2_S,
  GR2_X,
} from '../../native-like/arch/registers.ts';
import type { InjectedReply } from './injected-reply.ts';
import type { MasterKeys } from './key-registers.ts';

/** One adapter as its message processing sees it. It is plain data, so that a worker can be given a copy. */
export interface AdapterModel {
  /** Hardware type, 10 (CEX4) to 14 (CEX8). */
  readonly type: number;
  readonly mode: AdapterMode;
  /** Facility word, high word of TAPQ GR2; `FACILITY` names its bits. */
  readonly functions: number;
  /** Serial number, up to 8 characters (CCA) or 16 (EP11). */
  readonly serial: string;
  /** Master or wrapping keys of domains without a row in `domainMasterKeys`; default: one derived from serial and domain. */
  readonly masterKeys?: MasterKeys;
  readonly domainMasterKeys?: Readonly<Record<number, MasterKeys>>;
  /** Message limit in units of 4096 bytes, 0 to 15 (0: 12288); an EP11 card reports it. Default 0. */
  readonly ml?: number;
  /** API ordinal of EP11, default 4. */
  readonly apiOrdinal?: number;
  /** EP11 operating modes, low word of op_mode, default 0. */
  readonly operatingModes?: number;
  /** Refuses nonzero reserved bytes with 82/24 instead of ignoring them (messages.md 8.1 step 4). */
  readonly strict?: boolean;
}

/** Facility bits of the high word of TAPQ GR2, by what they allow. */
export const FACILITY = {
  special: GR2_S,
  mex4k: GR2_M,
  crt4k: GR2_C,
  cca: GR2_D,
  accelerator: GR2_A,
  ep11: GR2_X,
  apxa: GR2_N,
  slcf: GR2_H,
  full: GR2_FULL_FUNCTION,
  restricted: GR2_RESTRICTED_FUNCTION,
} as const;

/** Whether the adapter has a facility. */
export function has(adapter: AdapterModel, facility: number): boolean {
  return (adapter.functions & facility) !== 0;
}

/** The surroundings of one request. */
export interface RequestContext {
  readonly apid: number;
  readonly apqi: number;
  /** Whether the sender may use `domain` (AQM). */
  usage(domain: number): boolean;
  /** Whether the sender may control `domain` (ADM). */
  control(domain: number): boolean;
  /** Fills `target` with random bytes. */
  random(target: Uint8Array): void;
  /** Whether the request has the special bit of NQAP. */
  readonly special: boolean;
  /** What to answer instead, or how to spoil the answer. */
  readonly inject?: InjectedReply;
  /** Longest reply the queue can hold: 4096 * ml, 12288 for ml 0. */
  readonly maxReplyBytes: number;
  /**
   * The sender's CPACF wrapping key (32 bytes) and its verification pattern (32 bytes), 64 bytes, for special commands;
   * without it they answer that wrapping is temporarily not possible (CD-08).
   */
  readonly wrappingKey?: Uint8Array;
  /** Lets injected replies through that crash or corrupt a Linux guest kernel; see `ReplyShape.danger`. Off by default. */
  readonly allowGuestDamage?: boolean;
}

/** A request at work: private copies, so that a guest cannot change what was checked, and request and reply may share memory. */
export interface Work {
  readonly adapter: AdapterModel;
  readonly request: Uint8Array;
  /** Draft of the reply, at least `DRAFT_BYTES` long; content is arbitrary before. */
  readonly reply: Uint8Array;
  readonly context: RequestContext;
}

/** Room for a message and a spoiled reply. */
export const DRAFT_BYTES = 0x10000;
