// SPDX-License-Identifier: Apache-2.0
// What happens to a machine beside its instructions: actions of the operator, faults, masks of guests that change.

import type { TakeTrace } from './ring.ts';

export interface MachineEvent {
  /** The machine's time in nanoseconds. */
  readonly timeNs: number;
  readonly kind: 'operator' | 'fault' | 'masks';
  /** `deconfigure 05`, `05.0004 on=dqap rc=05 count=1 strikes`, `APM 5 6 AQM 4 ab`. */
  readonly text: string;
  /** The guest whose masks changed. */
  readonly guest?: string;
  /** The adapter whose queues have lost what they held. */
  readonly flushed?: number;
}

export type TakeEvent = (event: MachineEvent) => void;

/** Is told of what happens in a machine. */
export interface MachineWatch {
  /** Takes records of all AP instructions, and of the requests adapters take. */
  readonly onTrace?: TakeTrace;
  readonly onEvent?: TakeEvent;
}

/** The watching part of options that say more. */
export const watchOf = ({ onTrace, onEvent }: MachineWatch): MachineWatch => ({
  ...(onTrace === undefined ? {} : { onTrace }),
  ...(onEvent === undefined ? {} : { onEvent }),
});
