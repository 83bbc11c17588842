// SPDX-License-Identifier: Apache-2.0
// What a script consists of: lists of pipelines of commands, made of words.
// Source: POSIX.1-2017, shell command language, section 2.10 (grammar), of which this is a part.

/** A piece of a word. `quoted`: no field splitting and no pathname expansion. */
export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly quoted: boolean;
      /** `${name-word}`, `${name:-word}`, `${name+word}`, `${name:+word}`; `${name#pattern}` and the like; `${#name}`. */
      readonly form?: '-' | ':-' | '+' | ':+' | 'length' | '#' | '##' | '%' | '%%';
      readonly word?: Word;
    }
  | { readonly kind: 'command'; readonly list: List; readonly quoted: boolean };

export type Word = readonly Part[];

/** `2> file`, `>> file`, `< file`, `>&2`, here-documents. */
export interface Redirect {
  readonly fd: 0 | 1 | 2;
  readonly form: 'write' | 'append' | 'read' | 'duplicate' | 'document';
  /** Target, or the text of a here-document. */
  readonly word: Word;
}

export interface Assignment {
  readonly name: string;
  readonly value: Word;
}

export type Command = (
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly Word[];
    }
  | { readonly kind: 'if'; readonly clauses: readonly Clause[]; readonly otherwise: List }
  | {
      readonly kind: 'for';
      readonly name: string;
      /** Undefined: the positional parameters. */
      readonly words: readonly Word[] | undefined;
      readonly body: List;
    }
  | {
      readonly kind: 'while';
      readonly until: boolean;
      readonly condition: List;
      readonly body: List;
    }
  | { readonly kind: 'group'; readonly body: List }
) & { readonly redirects: readonly Redirect[] };

export interface Clause {
  readonly condition: List;
  readonly body: List;
}

export interface Pipeline {
  readonly negated: boolean;
  readonly commands: readonly Command[];
}

/** Pipelines joined by && and ||. */
export interface AndOr {
  readonly first: Pipeline;
  readonly rest: readonly { readonly operator: '&&' | '||'; readonly pipeline: Pipeline }[];
}

export type List = readonly AndOr[];

/** A mistake in the text of a script. */
export class ShellSyntaxError extends Error {
  /** The text ends too early: more lines may make it right. */
  readonly incomplete: boolean;

  constructor(message: string, incomplete = false) {
    super(message);
    this.incomplete = incomplete;
  }
}
