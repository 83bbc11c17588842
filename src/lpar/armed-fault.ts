// SPDX-License-Identifier: Apache-2.0
// A fault that strikes one instruction whenever it is armed, for callers who decide before each instruction whether one strikes.
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_ABSENT,
  ATTENTION_FAULT,
  F_ACTION,
  F_ACTIVE,
  F_COUNT,
  F_VALUE,
  Q_ATTENTION,
} from '../../native-like/machine/layout.ts';
import { actionOf, effectValue, type FaultEffect } from './fault-effect.ts';

export class ArmedFault {
  readonly #image: MachineImage;
  readonly #record: () => number;
  /** Queue that was marked because of the fault; 0 = none. */
  #marked = 0;

  /** `record` returns the word index of the fault record that is reserved. */
  constructor(image: MachineImage, record: () => number) {
    this.#image = image;
    this.#record = record;
  }

  /** Makes the next instruction on queue `q` (word index of its record) end as `effect` says. A queue that is absent stays absent. */
  arm(q: number, effect: Extract<FaultEffect, { kind: 'rc' | 'cc' }>): void {
    const { i32 } = this.#image;
    const record = this.#record();
    i32[record + F_ACTION] = actionOf(effect);
    i32[record + F_VALUE] = effectValue(effect);
    i32[record + F_COUNT] = 1;
    i32[record + F_ACTIVE] = 1;
    const attention = this.#image.word(q + Q_ATTENTION);
    if ((attention & (ATTENTION_FAULT | ATTENTION_ABSENT)) !== 0) return;
    i32[q + Q_ATTENTION] = attention | ATTENTION_FAULT;
    this.#marked = q;
  }

  /** Takes the marks off when the instruction is over for which the fault was armed. */
  disarm(): void {
    const { i32 } = this.#image;
    i32[this.#record() + F_ACTIVE] = 0;
    const q = this.#marked;
    if (q !== 0) i32[q + Q_ATTENTION] = this.#image.word(q + Q_ATTENTION) & ~ATTENTION_FAULT;
    this.#marked = 0;
  }
}
