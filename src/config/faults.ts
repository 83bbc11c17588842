// SPDX-License-Identifier: Apache-2.0
// Faults as users declare them, in a configuration or on a `fault:` line of an AP program.
// Source: docs/design.md sections 5 and 6.

import type { RawFault } from './schema.ts';
import type { Path, Report } from './source.ts';
import type { FaultConfig, FaultEffect, FaultInstruction, FaultTrigger } from './types.ts';
import { parseApqn, parseDurationNs } from './units.ts';

const EFFECT_KEYS = ['rc', 'cc', 'drop', 'delay', 'reorder'] as const;
const TRIGGER_KEYS = ['count', 'probability', 'at'] as const;

const durationNs = (value: unknown) => parseDurationNs(value as string | number) ?? 0;

/** A fault without a trigger strikes always (probability 1). Undefined if it contradicts itself (reported). */
export function normaliseFault(raw: RawFault, path: Path, report: Report): FaultConfig | undefined {
  const effects = EFFECT_KEYS.filter((key) => raw[key] !== undefined);
  const triggers = TRIGGER_KEYS.filter((key) => raw[key] !== undefined);
  const before = { count: 0 };
  const wrong = (message: string, expected: string | undefined) => {
    before.count++;
    report('COMBINATION', path, message, expected);
  };
  if ((raw.guest === undefined) === (raw.apqn === undefined)) {
    wrong(
      `a fault names ${raw.guest === undefined ? 'no' : 'a guest and a'} queue`,
      'guest or apqn',
    );
  }
  if (effects.length !== 1) {
    wrong(`a fault has ${effects.length} effects`, `exactly one of ${EFFECT_KEYS.join(', ')}`);
  }
  if (triggers.length > 1) {
    wrong(`a fault has ${triggers.length} triggers`, `at most one of ${TRIGGER_KEYS.join(', ')}`);
  }
  const replyEffect = effects[0] === 'drop' || effects[0] === 'delay' || effects[0] === 'reorder';
  if (replyEffect && raw.on !== undefined && raw.on !== 'nqap') {
    wrong(`${effects[0]} concerns the reply to a request, not ${raw.on}`, 'on: nqap');
  }
  if (effects[0] === 'cc' && raw.on !== 'nqap' && raw.on !== 'dqap') {
    wrong('only nqap and dqap can end with condition code 1 or 2', 'on: nqap, or on: dqap');
  }
  if (raw.every !== undefined && raw.cc === undefined) wrong('every belongs to cc', undefined);
  if (before.count > 0) return undefined;
  return {
    guest: raw.guest,
    apqn: raw.apqn === undefined ? undefined : parseApqn(raw.apqn),
    on: (raw.on ?? (replyEffect ? 'nqap' : 'any')) as FaultInstruction,
    effect: effectOf(raw),
    trigger: triggerOf(raw),
  };
}

function effectOf(raw: RawFault): FaultEffect {
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
