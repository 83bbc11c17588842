// SPDX-License-Identifier: Apache-2.0
// What must hold in every machine, whatever its guests do: the names that findings carry.
// Source: docs/reference/ap-architecture.md sections 1.10, 2.4, 4.2, 6.3; docs/design.md section 2.

/** The rules that a stream may break, one row for each. */
export const RULES = {
  crash: 'no operation ends with an error of ours',
  progress: 'every line comes to an end',
  isolation:
    'an instruction changes no queue but the one it names, and a guest only queues in APM x AQM of its CRYCB and the host',
  storage: "nobody writes into another guest's storage but notification bytes",
  reply: 'a message leaves with the bytes it came with, for the guest that sent it',
  message: 'an accepted message is answered once, flushed by a reset, or lost by a fault',
  'status-register': 'GR1 after an instruction is a status word: reserved bits 0, CC as the code',
  qci: 'reserved bytes and flags of QCI are 0',
  'status-word': 'E, R and F of a queue agree with its rings; reserved bits are 0',
  slots: 'each used slot is in exactly one place',
  masks: 'the effective masks of a guest are those of its CRYCB within those of the host',
  pins: 'a guest has as many pages pinned as queues notify it',
} as const;

export type Rule = keyof typeof RULES;

/** A rule that does not hold. */
export interface Violation {
  readonly rule: Rule;
  readonly message: string;
}

export const violated = (rule: Rule, message: string): Violation => ({ rule, message });

/** A number as messages show it. */
export const hex = (value: number, digits = 8): string =>
  (value >>> 0).toString(16).padStart(digits, '0');
