// SPDX-License-Identifier: Apache-2.0
// What a fault wants a card to answer.
// Source: docs/reference/messages.md 3.1, 3.3, 3.4, 8.3.

/** The reply that carries a code: 8 bytes of that type, or a complete type 86 with reply_code (rule 4). */
export type CodeIn = '82' | '87' | '88' | '86';

/** What to answer instead of the computed reply. */
export type InjectedReply = {
  /** The function (`MEB2`, `PK`, `38`, ...) for which it is injected; default any. */
  readonly function?: string;
} & (
  | {
      readonly kind: 'code';
      readonly code: number;
      /** The reply that carries the code; default 82. */
      readonly in?: CodeIn;
      /** Failure status, in type 86 only. */
      readonly apfs?: number;
    }
  /** Return code and reason code of CCA. */
  | { readonly kind: 'cca'; readonly rc: number; readonly rs: number }
  /** EP11 return value of the payload, and CPRB ret_code. */
  | { readonly kind: 'ep11'; readonly rv?: number; readonly returnCode?: number }
  /** A shape of `REPLY_SHAPES` by name; `value` as the shape says. */
  | { readonly kind: 'shape'; readonly shape: string; readonly value?: number }
);
