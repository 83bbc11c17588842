// SPDX-License-Identifier: Apache-2.0
// Faults as users declare them, in a configuration or on a `fault:` line of an AP program.
// Source: docs/design.md sections 5 and 6.

import { checkInjection } from '../cex/inject.ts';
import { INJECTION_EXPECTED, parseInjection } from '../cex/inject-text.ts';
import type { InjectedReply } from '../cex/injected-reply.ts';
import { FUNCTION_EXPECTED, isFunctionName } from '../cex/request-function.ts';
import { ApemuError } from '../errors.ts';
import type { RawFault } from './schema.ts';
import type { Path, Report } from './source.ts';
import type { FaultConfig, FaultEffect, FaultInstruction, FaultTrigger } from './types.ts';
import { parseApqn, parseDurationNs } from './units.ts';

const EFFECT_KEYS = ['rc', 'cc', 'drop', 'delay', 'reorder', 'reply'] as const;
type EffectKey = (typeof EFFECT_KEYS)[number];
const TRIGGER_KEYS = ['count', 'probability', 'at'] as const;
/** Effects on a message: they belong to the NQAP that brings it. */
const MESSAGE_EFFECTS: readonly (EffectKey | undefined)[] = ['drop', 'delay', 'reorder', 'reply'];

const durationNs = (value: unknown) => parseDurationNs(value as string | number) ?? 0;

/** Reports that a fault is wrong. `key` is the key whose value is wrong; undefined for the fault as a whole. */
type Wrong = (
  message: string,
  expected?: string,
  key?: keyof RawFault,
  what?: 'COMBINATION' | 'REPLY',
) => void;

/** A fault without a trigger strikes always (probability 1). Undefined if it contradicts itself (reported). */
export function normaliseFault(raw: RawFault, path: Path, report: Report): FaultConfig | undefined {
  let mistakes = 0;
  const wrong: Wrong = (message, expected, key, what = 'COMBINATION') => {
    mistakes++;
    report(what, key === undefined ? path : [...path, key], message, expected);
  };
  const effects = EFFECT_KEYS.filter((key) => raw[key] !== undefined);
  checkParts(raw, effects, wrong);
  checkEffect(raw, effects[0], wrong);
  const reply = raw.reply === undefined ? undefined : readReply(raw.reply, raw.function, wrong);
  if (mistakes > 0) return undefined;
  const ofMessage = MESSAGE_EFFECTS.includes(effects[0]);
  return {
    guest: raw.guest,
    apqn: raw.apqn === undefined ? undefined : parseApqn(raw.apqn),
    on: (raw.on ?? (ofMessage ? 'nqap' : 'any')) as FaultInstruction,
    effect: effectOf(raw, reply),
    trigger: triggerOf(raw),
  };
}

/** Checks that there is one target, one effect, and at most one trigger. */
function checkParts(raw: RawFault, effects: readonly EffectKey[], wrong: Wrong): void {
  const triggers = TRIGGER_KEYS.filter((key) => raw[key] !== undefined);
  if ((raw.guest === undefined) === (raw.apqn === undefined)) {
    const names = raw.guest === undefined ? 'no' : 'a guest and a';
    wrong(`a fault names ${names} queue`, 'guest or apqn');
  }
  if (effects.length !== 1) {
    wrong(`a fault has ${effects.length} effects`, `exactly one of ${EFFECT_KEYS.join(', ')}`);
  }
  if (triggers.length > 1) {
    wrong(`a fault has ${triggers.length} triggers`, `at most one of ${TRIGGER_KEYS.join(', ')}`);
  }
}

/** What goes together with an effect. */
function checkEffect(raw: RawFault, effect: EffectKey | undefined, wrong: Wrong): void {
  if (MESSAGE_EFFECTS.includes(effect) && raw.on !== undefined && raw.on !== 'nqap') {
    wrong(`${effect} concerns the reply to a request, not ${raw.on}`, 'on: nqap');
  }
  if (effect === 'cc' && raw.on !== 'nqap' && raw.on !== 'dqap') {
    wrong('only nqap and dqap can end with condition code 1 or 2', 'on: nqap, or on: dqap');
  }
  if (raw.every !== undefined && raw.cc !== 2) wrong('every belongs to cc', 'cc: 2');
  if (raw.function !== undefined && raw.reply === undefined) wrong('function belongs to reply');
}

/** A reply and the function it is for; undefined if there is no such reply (reported). */
function readReply(
  text: string,
  name: string | number | undefined,
  wrong: Wrong,
): InjectedReply | undefined {
  const reply = parseInjection(text);
  if (reply === undefined) {
    wrong(`${text} is no reply`, INJECTION_EXPECTED, 'reply', 'REPLY');
    return undefined;
  }
  const problem = replyProblem(reply, true);
  if (problem !== undefined) wrong(problem.message, undefined, 'reply', 'REPLY');
  if (name === undefined) return reply;
  if (!isFunctionName(String(name))) {
    wrong(`${name} is no function`, FUNCTION_EXPECTED, 'function', 'REPLY');
  }
  return { ...reply, function: String(name) };
}

/** Why a reply cannot be injected; undefined if it can. */
export function replyProblem(
  reply: InjectedReply,
  allowGuestDamage: boolean,
): ApemuError | undefined {
  try {
    checkInjection(reply, allowGuestDamage);
    return undefined;
  } catch (error) {
    if (error instanceof ApemuError) return error;
    throw error;
  }
}

function effectOf(raw: RawFault, reply: InjectedReply | undefined): FaultEffect {
  if (reply !== undefined) return { kind: 'reply', reply };
  if (raw.rc !== undefined) return { kind: 'rc', rc: raw.rc };
  if (raw.cc !== undefined) return { kind: 'cc', cc: raw.cc === 1 ? 1 : 2, everyBytes: raw.every };
  if (raw.delay !== undefined) return { kind: 'delay', delayNs: durationNs(raw.delay) };
  if (raw.reorder !== undefined) return { kind: 'reorder', places: raw.reorder };
  return { kind: 'drop' };
}

function triggerOf(raw: RawFault): FaultTrigger {
  if (raw.probability !== undefined) return { kind: 'probability', probability: raw.probability };
  if (raw.at !== undefined) {
    const times = Array.isArray(raw.at) ? raw.at : [raw.at];
    return { kind: 'at', atNs: times.map(durationNs).sort((a, b) => a - b) };
  }
  if (raw.count !== undefined) return { kind: 'count', count: raw.count };
  return { kind: 'probability', probability: 1 };
}
