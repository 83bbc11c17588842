// SPDX-License-Identifier: Apache-2.0
// The parts of which a script consists: lists of pipelines of commands, which are made of words.
// Source: POSIX.1-2017, shell command language, section 2.10 (grammar); bash 5.2, manual, sections 3.2, 3.4, 3.5 and 6.7.

/** Operators of `${name…}`. */
export type ParameterForm =
  | ('-' | ':-' | '+' | ':+' | '=' | ':=' | '?' | ':?')
  | ('#' | '##' | '%' | '%%')
  | ('/' | '//' | '/#' | '/%')
  | ('^' | '^^' | ',' | ',,')
  /** `${#name}`, `${!name}`, `${!name[@]}`, `${name:offset:length}`. */
  | ('length' | 'indirect' | 'keys' | 'substring');

/** `$name` and `${name…}`. */
export interface VariablePart {
  readonly kind: 'variable';
  readonly name: string;
  readonly quoted: boolean;
  /** Index of an array's element. `@` and `*` stand for all elements. */
  readonly index?: '@' | '*' | Word;
  readonly form?: ParameterForm;
  /** What follows the operator: a word, a pattern, an offset. */
  readonly word?: Word;
  /** The replacement of a pattern, or the length of a substring. */
  readonly second?: Word;
}

/** A part of a word. With `quoted`, it is subject neither to field splitting nor to pathname expansion. */
export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | VariablePart
  | { readonly kind: 'command'; readonly list: List; readonly quoted: boolean }
  | { readonly kind: 'arithmetic'; readonly word: Word; readonly quoted: boolean }
  /** `<(list)`: the name of a file that contains the output of the list. */
  | { readonly kind: 'process'; readonly list: List; readonly quoted: false };

export type Word = readonly Part[];

/** `2> file`, `>> file`, `< file`, `>&2`, `<< document`, `<<< text`. */
export interface Redirect {
  readonly fd: number;
  readonly form: 'write' | 'append' | 'read' | 'duplicate' | 'document' | 'string';
  /** The target, or the text of a here-document. */
  readonly word: Word;
}

export interface Assignment {
  readonly name: string;
  /** Index of the element that is assigned to. */
  readonly index?: Word;
  /** `+=` */
  readonly append: boolean;
  readonly value: Word | ArrayValue;
}

/** `(a b [5]=c)` */
export interface ArrayValue {
  readonly elements: readonly { readonly index?: Word; readonly word: Word }[];
}

export type Command = (
  | SimpleCommand
  | { readonly kind: 'if'; readonly clauses: readonly Clause[]; readonly otherwise: List }
  | ForCommand
  | WhileCommand
  | CaseCommand
  | { readonly kind: 'group' | 'subshell'; readonly body: List }
  | { readonly kind: 'function'; readonly name: string; readonly body: Command }
  | { readonly kind: 'condition'; readonly condition: Condition }
  /** `(( … ))` */
  | { readonly kind: 'arithmetic'; readonly word: Word }
) & { readonly redirects: readonly Redirect[] };

export interface SimpleCommand {
  readonly kind: 'simple';
  readonly assignments: readonly Assignment[];
  readonly words: readonly Word[];
  /** For `declare`, `local` and the like: the words that are assignments. */
  readonly declared?: readonly Assignment[];
}

export interface ForCommand {
  readonly kind: 'for';
  readonly name: string;
  /** The words; undefined for the positional parameters. */
  readonly words: readonly Word[] | undefined;
  /** For `for ((a; b; c))`, in place of name and words. */
  readonly steps?: readonly [Word, Word, Word];
  readonly body: List;
}

export interface WhileCommand {
  readonly kind: 'while';
  readonly until: boolean;
  readonly condition: List;
  readonly body: List;
}

export interface CaseCommand {
  readonly kind: 'case';
  readonly word: Word;
  readonly items: readonly CaseItem[];
}

export interface CaseItem {
  readonly patterns: readonly Word[];
  readonly body: List;
  /** `;;`; `;&`, after which the next body is executed; `;;&`, after which the next pattern is tested. */
  readonly end: ';;' | ';&' | ';;&';
}

/** Inside `[[ … ]]`. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'unary'; readonly operator: string; readonly word: Word }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Word;
      readonly right: Word;
    };

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
  /** Whether the text ends too early, so that more lines may make it valid. */
  readonly incomplete: boolean;

  constructor(message: string, incomplete = false) {
    super(message);
    this.incomplete = incomplete;
  }
}
