// SPDX-License-Identifier: Apache-2.0
// Makes a finding short: leaves out lines, then makes operands simpler, as long as the same rule is broken.
import { dropParts } from '../fuzz/drop-parts.ts';
import type { Field, Statement } from '../program/ast.ts';

/** Whether lines still break the rule. */
export type Reproduces = (statements: readonly Statement[]) => Promise<boolean>;

/** Number of replays that a minimisation may take. */
const MINIMISE_ATTEMPTS = 600;

/** The shortest and simplest lines found that `reproduces` accepts; `statements` themselves must be accepted. */
export const minimise = async (
  statements: readonly Statement[],
  reproduces: Reproduces,
  attempts = MINIMISE_ATTEMPTS,
): Promise<readonly Statement[]> => {
  const search = new Search(statements, reproduces, attempts);
  await search.dropLines();
  await search.simplify();
  await search.dropLines();
  return search.best;
};

class Search {
  best: readonly Statement[];
  readonly #reproduces: Reproduces;
  #left: number;

  constructor(statements: readonly Statement[], reproduces: Reproduces, attempts: number) {
    this.best = statements;
    this.#reproduces = reproduces;
    this.#left = attempts;
  }

  async #accept(candidate: readonly Statement[]): Promise<boolean> {
    if (this.#left <= 0) return false;
    this.#left--;
    if (!(await this.#reproduces(candidate))) return false;
    this.best = candidate;
    return true;
  }

  async dropLines(): Promise<void> {
    await dropParts(this.best, (shorter) => this.#accept(shorter), this.#left);
  }

  async simplify(): Promise<void> {
    for (let index = 0; index < this.best.length; index++) {
      for (let again = true; again && this.#left > 0; ) again = await this.#simplifyLine(index);
    }
  }

  async #simplifyLine(index: number): Promise<boolean> {
    for (const simpler of simplerLines(this.best[index] as Statement)) {
      if (await this.#accept(this.best.with(index, simpler))) return true;
    }
    return false;
  }
}

/** Operands of two words that mean something simple. */
const PLAIN_VALUES: readonly bigint[] = [0n, 1n, 64n];

/** Field lists with one field left out, or with a plainer value. */
const simplerFields = (fields: readonly Field[]): Field[][] => {
  const without = fields.map((_, index) => fields.filter((__, other) => other !== index));
  const plainer = fields.flatMap(({ name, value }, index) =>
    PLAIN_VALUES.filter((plain) => plain < value).map((plain) =>
      fields.with(index, { name, value: plain }),
    ),
  );
  return [...without, ...plainer];
};

/** Simpler lines of the same kind, the simplest first. */
export const simplerLines = (statement: Statement): Statement[] => {
  switch (statement.kind) {
    case 'instruction': {
      // A raw instruction keeps its first operand, the word.
      const [word, ...registers] = statement.operands;
      if (statement.mnemonic === 'insn' && word !== undefined)
        return simplerFields(registers).map((operands) => ({
          ...statement,
          operands: [word, ...operands],
        }));
      return simplerFields(statement.operands).map((operands) => ({ ...statement, operands }));
    }
    case 'psw':
      return simplerFields(statement.fields).map((fields) => ({ ...statement, fields }));
    case 'write':
      return statement.bytes.hex === '00' && statement.bytes.times === 1
        ? []
        : [{ ...statement, bytes: { hex: '00', times: 1 } }];
    case 'clock':
      return statement.advance === 'run' || statement.advance <= 1_000
        ? []
        : [{ ...statement, advance: Math.floor(statement.advance / 10_000) * 1_000 || 1_000 }];
    default:
      return [];
  }
};
