// SPDX-License-Identifier: Apache-2.0
// The operations of a recorder: writes and reads of sysfs files, and what an operator does to the partition meanwhile.
// Source: test/golden/README.md (the lines of a recording, without what came out).

/** Activation profile as a recording gives it. */
export interface GoldenPartition {
  readonly adapters: readonly number[];
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
}

/** What an operator did from outside, by the adapter's number. */
export const OPERATOR_ACTIONS = ['configure', 'deconfigure', 'checkstop', 'recover'] as const;
export type OperatorAction = (typeof OPERATOR_ACTIONS)[number];

/** An action, and the adapter it is for. */
export type OperatorActions = Readonly<Partial<Record<OperatorAction, number>>>;

export type RecordedOperation =
  /** The bytes of one write(2), one character each. */
  | readonly ['write', path: string, text: string]
  | readonly ['read', path: string]
  /** Every readable file of a directory. */
  | readonly ['files', path: string]
  | readonly ['list', path: string]
  /** Target of a link; that of a device's `driver` is recorded by the driver's name. */
  | readonly ['link', path: string]
  | readonly ['partition', GoldenPartition]
  | readonly ['host', OperatorActions];

/** Whether it changes something; the others observe. */
export const isChange = ([verb]: RecordedOperation): boolean =>
  verb === 'write' || verb === 'partition' || verb === 'host';

export const actionsOf = (actions: OperatorActions): [OperatorAction, number][] =>
  Object.entries(actions) as [OperatorAction, number][];
