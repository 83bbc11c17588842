// SPDX-License-Identifier: Apache-2.0
// What a configuration may say of a domain's master and wrapping key registers.
// Source: docs/reference/messages.md 2.11 (EP11), 4.1 (states).

/** One master or wrapping key register. */
export interface KeyRegister {
  /** The key, 32 bytes. Without it, the register shows a pattern, but its keys cannot be used. */
  readonly key?: Uint8Array;
  /** Verification pattern to show; default computed from the key. */
  readonly pattern?: Uint8Array;
  /** `new` only: some key parts are missing (state 2), or EP11: committed. */
  readonly partial?: boolean;
  readonly committed?: boolean;
}

/** The three registers of one kind; a missing one is empty. */
export interface KeyRegisters {
  readonly current?: KeyRegister;
  readonly old?: KeyRegister;
  readonly new?: KeyRegister;
}

/** Kinds of registers: CCA's four, and EP11's wrapping key. */
export type KeyKind = 'sym' | 'asym' | 'aes' | 'apka' | 'wk';

/** Registers by kind; a missing kind has the derived default, an empty object empty registers. */
export type MasterKeys = { readonly [kind in KeyKind]?: KeyRegisters };
