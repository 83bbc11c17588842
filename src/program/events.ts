// SPDX-License-Identifier: Apache-2.0
// Scenarios as data: what happens to a driver, when, and what its user asks of it.
// Source: docs/design.md section 10.

import type { FaultInstruction, InjectedReply } from '../config/types.ts';
import type { LparVerb } from './lpar-verbs.ts';

/** Which of the matching executions: the n-th, all from the n-th on, or every n-th. They count from 1. */
export interface Occasion {
  readonly kind: 'nth' | 'from' | 'every';
  readonly n: number;
}

/** When an event happens. Executions and times count from the kept moment (a program: from its first event). */
export type Trigger =
  | { readonly kind: 'start' }
  | {
      readonly kind: 'on';
      /** Name of the guest; undefined for any guest. */
      readonly guest: string | undefined;
      /** The function; `any` for every function. */
      readonly on: FaultInstruction;
      /** The queue; undefined for any queue. */
      readonly apqn: number | undefined;
      readonly occasion: Occasion;
    }
  | { readonly kind: 'at'; readonly timeNs: number }
  /** A moment at which every program waits and the clock is about to move. */
  | { readonly kind: 'idle'; readonly occasion: Occasion };

/** What happens to the instruction that is about to be executed. */
export type InstructionEvent =
  | { readonly kind: 'rc'; readonly rc: number }
  | { readonly kind: 'cc'; readonly cc: 1 | 2; readonly everyBytes: number | undefined };

/** What happens to the reply of the message that NQAP brings. */
export type MessageEvent =
  | { readonly kind: 'delay'; readonly delayNs: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'reorder'; readonly places: number }
  | { readonly kind: 'reply'; readonly reply: InjectedReply }
  /** A field of src/cex/reply-fields.ts. */
  | { readonly kind: 'field'; readonly field: string; readonly value: number };

export const INTERRUPT_WAYS = ['lost', 'early', 'late', 'coalesced', 'spurious'] as const;
export type InterruptWay = (typeof INTERRUPT_WAYS)[number];

/** `spurious` needs no message; the others are about the interruption of a reply. `delayNs` belongs to `late`. */
export interface InterruptEvent {
  readonly kind: 'interrupt';
  readonly how: InterruptWay;
  readonly delayNs: number | undefined;
}

/** What does not need an instruction. */
export type HostEvent =
  | { readonly kind: 'lpar'; readonly verb: LparVerb; readonly values: readonly number[] }
  | { readonly kind: 'sysfs'; readonly command: string }
  /** A reset of a queue by the host itself. */
  | { readonly kind: 'host'; readonly mnemonic: 'rapq' | 'zapq'; readonly apqn: number }
  /** The host's AP bus scans, and drivers hear that the configuration may have changed. */
  | { readonly kind: 'scan' };

export const REQUEST_KINDS = ['crt', 'mex', 'rng', 'query'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** What the driver's user does. */
export type UserEvent =
  | {
      readonly kind: 'request';
      /** Name of the guest; undefined for the first guest whose driver takes requests. */
      readonly guest: string | undefined;
      /** How many, one after the other without waiting. */
      readonly count: number;
      /** Undefined: the driver chooses the queue. */
      readonly apqn: number | undefined;
      /** Undefined: in turn, what the queue's adapter can do. */
      readonly what: RequestKind | undefined;
    }
  | { readonly kind: 'close'; readonly guest: string | undefined }
  | KernelUserEvent;

/** What the user of a kernel under test does in addition to requests. Other drivers have no files. */
export type KernelUserEvent =
  /** Writes a text into a file, as `echo` does but without the end of a line. */
  | { readonly kind: 'write'; readonly text: string; readonly file: string }
  | { readonly kind: 'read'; readonly file: string }
  /** Sends a signal to every process whose request has not ended. */
  | { readonly kind: 'signal' };

const USER_EVENTS: ReadonlySet<ScenarioEvent['kind']> = new Set([
  'request',
  'close',
  'write',
  'read',
  'signal',
]);

/** Whether an event is a user's. */
export const isUserEvent = (event: ScenarioEvent): event is UserEvent =>
  USER_EVENTS.has(event.kind);

export type ScenarioEvent =
  | InstructionEvent
  | MessageEvent
  | InterruptEvent
  | HostEvent
  | UserEvent;

/** Most requests of one line, and the highest number of an occasion. */
export const REQUESTS_MAX = 1000;
export const OCCASION_MAX = 1_000_000_000;
