// SPDX-License-Identifier: Apache-2.0
// Reads the arguments of guest programs and workloads: defaults, ranges, and one kind of error.

import { ApemuError } from '../errors.ts';

/** Arguments as a configuration file gives them. */
export type Args = Readonly<Record<string, unknown>>;

/** The error for a wrong argument: whose it is, its name, what was expected and what was given. */
export const badArgument = (
  owner: string,
  name: string,
  expected: string,
  value: unknown,
): ApemuError =>
  new ApemuError(
    'APEMU_ERR_GUEST_ARGUMENT',
    `${owner}: ${name} must be ${expected}, not ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
  );

/** Lowest and highest value of an integer argument, and its value when it is left out. */
export interface IntegerRange {
  readonly normal: number;
  readonly low: number;
  readonly high: number;
}

/** An integer argument. Throws ApemuError `APEMU_ERR_GUEST_ARGUMENT` if it is outside its range. */
export const integerArg = (
  owner: string,
  args: Args,
  name: string,
  { normal, low, high }: IntegerRange,
): number => {
  const value = args[name] ?? normal;
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) {
    return value;
  }
  throw badArgument(owner, name, `an integer from ${low} to ${high}`, value);
};

/** An argument that is true or false. Throws ApemuError `APEMU_ERR_GUEST_ARGUMENT` for anything else. */
export const flagArg = (owner: string, args: Args, name: string, normal: boolean): boolean => {
  const value = args[name] ?? normal;
  if (typeof value === 'boolean') return value;
  throw badArgument(owner, name, 'true or false', value);
};

/** An argument that is one of several words. A number counts as the word it is printed as, because YAML reads 6.1 as a number. */
export const wordArg = <W extends string>(
  owner: string,
  args: Args,
  name: string,
  words: readonly W[],
  normal: W,
): W => {
  const value = args[name] ?? normal;
  const word = words.find((candidate) => candidate === String(value));
  if (word !== undefined) return word;
  throw badArgument(owner, name, words.join(' or '), value);
};
