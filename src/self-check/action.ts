// SPDX-License-Identifier: Apache-2.0
// What is done to a machine in one step, as the rules about steps see it.

/** An instruction of a vCPU, or something else. */
export interface Action {
  /**
   * `instruction`: one AP instruction. `time`: the clock moves. `host`: an operator or administrator acts, time may pass.
   * `guest`: a guest writes its storage or PSW, or takes an interruption.
   */
  readonly kind: 'instruction' | 'time' | 'host' | 'guest';
  /** Number of the guest that acts, 0 for the host partition. */
  readonly guest: number;
  /** Word index of the vCPU's block (`instruction`). */
  readonly vcpu: number;
  /** The instruction word, for an `instruction`. */
  readonly word: number;
}

export const TIME: Action = { kind: 'time', guest: 0, vcpu: 0, word: 0 };
export const HOST: Action = { kind: 'host', guest: 0, vcpu: 0, word: 0 };

/** How an instruction ended. */
export interface Ending {
  /** A program interruption with this code; 0: none. */
  readonly program: number;
  readonly cc: number;
}
