// SPDX-License-Identifier: Apache-2.0
// What the instruction wrappers of the library answer: either the instruction completed and there is a status, or a program interruption came
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

/** The instruction ended with a program interruption: nothing of it happened, there is no status. */
export interface Interrupted {
  readonly cc: undefined;
  /** Program-interruption code; PGM has their names. */
  readonly programInterruption: number;
  readonly status: undefined;
}

/** How an instruction ended; `programInterruption === undefined` tells the two apart. */
export type InstructionResult = Completed | Interrupted;

/** TAPQ and QACT. */
export type TapqResult =
  | (Completed & {
      /** GR2 as a 64-bit number: facilities, type, number of domains, limit, depth. */
      readonly info: bigint;
    })
  | Interrupted;

/** QCI has no status. */
export type QciResult =
  | {
      readonly cc: number;
      readonly programInterruption: undefined;
      readonly status: undefined;
      /** The 128 bytes. */
      readonly block: Uint8Array;
    }
  | Interrupted;

export type DqapResult =
  | (Completed & {
      readonly psmid: bigint;
      /** Bytes stored into the buffer. */
      readonly length: number;
      /** Bytes of the reply not yet stored. */
      readonly residual: number;
      /** GR0 for the rest of a partly delivered reply. */
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
 * The result, when the instruction completed: `completed(cpu.tapq(apqn)).status.rc`.
 *
 * @throws ApemuError `APEMU_ERR_PROGRAM_INTERRUPTION` with its name
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

/** `0006 specification`. */
export const pgmText = (code: number): string => {
  const name = PROGRAM_INTERRUPTIONS.find((row) => row.code === code)?.name ?? 'unknown';
  return `${code.toString(16).padStart(4, '0')} ${name}`;
};
