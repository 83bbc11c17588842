// SPDX-License-Identifier: Apache-2.0
// What the library's instruction wrappers return: either the instruction completed and there is a status, or a program interruption came
// and there is none.
// Source: docs/reference/ap-architecture.md sections 1.2, 2.1 and 3.1.
import { PROGRAM_INTERRUPTIONS } from '../../../native-like/arch/program-interruptions.ts';
import {
  responseCode,
  STATUS_ASYNC,
  STATUS_EMPTY,
  STATUS_FULL,
  STATUS_IRQ,
  STATUS_REPLIES,
} from '../../../native-like/arch/status-word.ts';
import { ApemuError } from '../../errors.ts';

/** A queue status word taken apart. */
export interface QueueStatus {
  /** Response code, 0-255. */
  readonly rc: number;
  readonly queueEmpty: boolean;
  readonly repliesWaiting: boolean;
  readonly queueFull: boolean;
  readonly async: boolean;
  readonly irqEnabled: boolean;
}

/** The instruction completed. */
export interface Completed {
  /** Condition code, 0-3. */
  readonly cc: number;
  readonly programInterruption: undefined;
  /** GR1 bits 32-63 taken apart. */
  readonly status: QueueStatus;
}

/** The instruction ended with a program interruption. Nothing of it was done, and there is no status. */
export interface Interrupted {
  readonly cc: undefined;
  /** Program-interruption code; PGM has the names. */
  readonly programInterruption: number;
  readonly status: undefined;
}

/** How an instruction ended. `programInterruption === undefined` tells the two cases apart. */
export type InstructionResult = Completed | Interrupted;

/** Result of TAPQ and QACT. */
export type TapqResult =
  | (Completed & {
      /** GR2 as a 64-bit number: facilities, type, number of domains, limit, depth. */
      readonly info: bigint;
    })
  | Interrupted;

/** Result of QCI, which has no status. */
export type QciResult =
  | {
      readonly cc: number;
      readonly programInterruption: undefined;
      readonly status: undefined;
      /** The block of 128 bytes. */
      readonly block: Uint8Array;
    }
  | Interrupted;

export type DqapResult =
  | (Completed & {
      readonly psmid: bigint;
      /** Number of bytes stored into the buffer. */
      readonly length: number;
      /** Number of bytes of the reply that are still to be stored. */
      readonly residual: number;
      /** Value of GR0 with which DQAP continues a partly delivered reply. */
      readonly token: number;
    })
  | Interrupted;

export const statusOf = (word: number): QueueStatus => ({
  rc: responseCode(word),
  queueEmpty: (word & STATUS_EMPTY) !== 0,
  repliesWaiting: (word & STATUS_REPLIES) !== 0,
  queueFull: (word & STATUS_FULL) !== 0,
  async: (word & STATUS_ASYNC) !== 0,
  irqEnabled: (word & STATUS_IRQ) !== 0,
});

/**
 * Takes for granted that an instruction completed, and returns its result: `completed(cpu.tapq(apqn)).status.rc`.
 *
 * @throws ApemuError `APEMU_ERR_PROGRAM_INTERRUPTION`, naming the interruption, if it did not
 */
export const completed = <T extends { readonly programInterruption: number | undefined }>(
  result: T,
): Exclude<T, Interrupted> => {
  if (result.programInterruption === undefined) return result as Exclude<T, Interrupted>;
  throw new ApemuError(
    'APEMU_ERR_PROGRAM_INTERRUPTION',
    `program interruption ${pgmText(result.programInterruption)} (expected the instruction to complete)`,
  );
};

/** Number and name of a program interruption, such as `0006 specification`. */
export const pgmText = (code: number): string => {
  const name = PROGRAM_INTERRUPTIONS.find((row) => row.code === code)?.name ?? 'unknown';
  return `${code.toString(16).padStart(4, '0')} ${name}`;
};
