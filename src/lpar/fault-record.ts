// SPDX-License-Identifier: Apache-2.0
// A fault and its record in the image: which instructions it strikes, and the words that say so.
// Source: docs/design.md sections 5 and 6 (`faults`, `fault:`).
import {
  FUNCTION_COUNT,
  FUNCTION_DQAP,
  FUNCTION_NAMES,
  FUNCTION_NQAP,
} from '../../native-like/arch/function-numbers.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  F_ACTION,
  F_ACTIVE,
  F_AT,
  F_CHANCE,
  F_COUNT,
  F_DELAY,
  F_FUNCTIONS,
  F_ID,
  F_RANDOM,
  F_REPLY,
  F_REQUEST,
  F_SCOPE,
  F_VALUE,
  SCOPE_ANY,
  SCOPE_APQN,
  SCOPE_GUEST,
} from '../../native-like/machine/layout.ts';
import { injectionWords } from '../cex/inject-words.ts';
import type { InjectedReply } from '../cex/injected-reply.ts';
import { functionWord } from '../cex/request-function.ts';
import { ApemuError } from '../errors.ts';
import { actionOf, effectValue, type FaultEffect, MESSAGE_ACTIONS } from './fault-effect.ts';
import { seedRandom } from './random.ts';

/** One fault. Without guest and APQN it strikes everywhere. */
export interface Fault {
  /** Guest number in the image. */
  readonly guest?: number | undefined;
  readonly apqn?: number | undefined;
  /** Instruction in lower case, or `any`. */
  readonly on: string;
  readonly effect: FaultEffect;
  /** How often it strikes; undefined = without limit. */
  readonly count?: number | undefined;
  /** Probability for each instruction that matches, above 0 and at most 1; undefined = 1. */
  readonly probability?: number | undefined;
  /** Time in nanoseconds before which the fault does not strike. */
  readonly atNs?: number | undefined;
}

/** What the configuration allows of faults. */
export interface FaultSwitches {
  readonly seed: number;
  /** Whether replies may be injected that damage a guest kernel. */
  readonly allowGuestDamage: boolean;
}

/** The functions that can end with condition codes 1 and 2. */
const MESSAGE_FUNCTIONS = (1 << FUNCTION_NQAP) | (1 << FUNCTION_DQAP);

/** Bits of the functions that a fault strikes. Effects on messages strike at NQAP, whatever `on` says. */
export const functionMask = (fault: Fault): number => {
  const mask = namedFunctions(fault);
  return fault.effect.kind === 'cc' ? mask & MESSAGE_FUNCTIONS : mask;
};

const namedFunctions = (fault: Fault): number => {
  if (MESSAGE_ACTIONS.includes(actionOf(fault.effect))) return 1 << FUNCTION_NQAP;
  if (fault.on === 'any') return (1 << FUNCTION_COUNT) - 1;
  const index = FUNCTION_NAMES.findIndex((name) => name.toLowerCase() === fault.on);
  if (index < 0) {
    throw new ApemuError(
      'APEMU_ERR_FAULT_FUNCTION',
      `no instruction ${fault.on} (expected tapq … dqap, any)`,
    );
  }
  return 1 << index;
};

const writeReply = (
  image: MachineImage,
  record: number,
  reply: InjectedReply,
  allowGuestDamage: boolean,
): void => {
  const { i32 } = image;
  const [head, first, second] = injectionWords(reply, allowGuestDamage);
  i32[record + F_VALUE] = head;
  i32[record + F_REPLY] = first;
  i32[record + F_REPLY + 1] = second;
  i32[record + F_REQUEST] = functionWord(reply.function ?? '');
};

/** Writes fault record `number`. `functions` is the result of `functionMask`. */
export const writeFault = (
  image: MachineImage,
  number: number,
  fault: Fault,
  functions: number,
  { seed, allowGuestDamage }: FaultSwitches,
): void => {
  const { i32, f64 } = image;
  const record = image.fault(number);
  const { effect } = fault;
  i32[record + F_SCOPE] =
    fault.apqn !== undefined ? SCOPE_APQN : fault.guest !== undefined ? SCOPE_GUEST : SCOPE_ANY;
  i32[record + F_ID] = fault.apqn ?? (fault.guest === undefined ? 0 : image.guest(fault.guest));
  i32[record + F_FUNCTIONS] = functions;
  i32[record + F_ACTION] = actionOf(effect);
  i32[record + F_VALUE] = effectValue(effect);
  i32[record + F_COUNT] = fault.count ?? -1;
  const chance = fault.probability ?? 1;
  i32[record + F_CHANCE] = chance >= 1 ? 0 : Math.max(1, Math.floor(chance * 0x100000000)) | 0;
  i32[record + F_RANDOM] = seedRandom(seed, 0x1000 + number);
  f64[(record + F_AT) >> 1] = fault.atNs ?? 0;
  f64[(record + F_DELAY) >> 1] = effect.kind === 'delay' ? effect.delayNs : 0;
  i32[record + F_REQUEST] = 0;
  if (effect.kind === 'reply') writeReply(image, record, effect.reply, allowGuestDamage);
  i32[record + F_ACTIVE] = 1;
};
