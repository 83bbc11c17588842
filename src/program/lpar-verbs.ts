// SPDX-License-Identifier: Apache-2.0
// What an operator can do to the partition from an AP program.
// Source: docs/design.md section 6; ap-architecture.md section 2.4; AD-20a (busy), AD-36 (deconfigure).

export type LparOperand = 'apid' | 'apqi' | 'apqn' | 'duration' | 'rc';

export interface LparVerbRow {
  readonly verb: string;
  readonly operands: readonly LparOperand[];
  readonly meaning: string;
}

/** The verbs of `lpar:` lines, one row for each. */
export const LPAR_VERBS = [
  { verb: 'configure', operands: ['apid'], meaning: 'SCLP configure: the adapter leaves standby' },
  { verb: 'deconfigure', operands: ['apid'], meaning: 'SCLP deconfigure: response code 03' },
  { verb: 'checkstop', operands: ['apid'], meaning: 'the adapter fails: response code 04' },
  { verb: 'recover', operands: ['apid'], meaning: 'ends a checkstop' },
  { verb: 'add-adapter', operands: ['apid'], meaning: 'back into the activation profile' },
  { verb: 'remove-adapter', operands: ['apid'], meaning: 'out of the activation profile' },
  { verb: 'add-domain', operands: ['apqi'], meaning: 'a usage domain more' },
  { verb: 'remove-domain', operands: ['apqi'], meaning: 'a usage domain less' },
  { verb: 'add-control-domain', operands: ['apqi'], meaning: 'a control domain more' },
  { verb: 'remove-control-domain', operands: ['apqi'], meaning: 'a control domain less' },
  { verb: 'busy', operands: ['apqn', 'duration'], meaning: 'the queue answers response code 05' },
  { verb: 'async', operands: ['apqn', 'rc'], meaning: 'an asynchronous error, 35 or 36' },
] as const satisfies readonly LparVerbRow[];

export type LparVerb = (typeof LPAR_VERBS)[number]['verb'];
