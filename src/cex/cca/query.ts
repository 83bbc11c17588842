// SPDX-License-Identifier: Apache-2.0
// Facility queries (FQ) and random numbers (RL).
// Source: docs/reference/messages.md 2.8, 4.1.

import type { KeyKind } from '../key-registers.ts';
import { newState, pattern, registers, validState } from '../master-keys.ts';
import { putAscii, putU16, u32 } from '../messages/bytes.ts';
import { RNG_MAX } from '../messages/cca.ts';
import { CPRBX, REQUEST_BLOCK } from '../messages/headers.ts';
import { CCA } from '../messages/reply-codes.ts';
import type { CcaAnswer, CcaCall } from './reply.ts';

/** One block in the var data of a query, and the pattern it contains. */
interface PatternBlock {
  readonly offset: number;
  readonly id: number;
  /** Length of the block, including its length and id. */
  readonly length: number;
  /** Kind of key; undefined if it is not public, in which case the block has zeros. */
  readonly kind?: KeyKind;
  readonly register?: 'current' | 'old' | 'new';
}

function three(offset: number, id: number, length: number, kind: KeyKind): readonly PatternBlock[] {
  return (['old', 'current', 'new'] as const).map((register, i) => ({
    offset: offset + i * length,
    id: id - i,
    length,
    kind,
    register,
  }));
}

/** Var data of STATICSA (204 bytes). Source: messages.md 4.1. */
const PATTERNS_A: readonly PatternBlock[] = [
  ...three(0, 0x0f02, 20, 'sym'),
  ...three(60, 0x0f05, 20, 'asym'),
  ...three(120, 0x0f08, 12, 'sym'),
  { offset: 156, id: 0x0f09, length: 12 },
  ...three(168, 0x0f0c, 12, 'aes'),
];
/** STATICSB adds the APKA patterns (240 bytes). */
const PATTERNS_B: readonly PatternBlock[] = [...PATTERNS_A, ...three(204, 0x0f0f, 12, 'apka')];

/** A query: which registers its rule array shows, in order, and its var data. */
interface Query {
  readonly states: readonly KeyKind[];
  readonly patterns: readonly PatternBlock[];
  readonly size: number;
}

const QUERIES: Readonly<Record<string, Query>> = {
  STATICSA: { states: ['sym', 'asym', 'aes'], patterns: PATTERNS_A, size: 204 },
  STATICSB: { states: ['sym', 'asym', 'aes', 'apka'], patterns: PATTERNS_B, size: 240 },
};

/** Keywords of the facility query (FQ) that get an answer. */
export const FQ_KEYWORDS: readonly string[] = Object.keys(QUERIES);

function stateRules(call: CcaCall, kinds: readonly KeyKind[]): Uint8Array {
  const { adapter } = call.work;
  const rules = new Uint8Array(8 * (1 + 3 * kinds.length));
  putAscii(rules, 0, adapter.serial, 8);
  kinds.forEach((kind, i) => {
    const r = registers(adapter, call.domain, kind);
    const states = [newState(r.new), validState(r.current), validState(r.old)];
    states.forEach((state, j) => {
      putAscii(rules, 8 * (1 + 3 * i + j), state, 8);
    });
  });
  return rules;
}

function patternData(call: CcaCall, query: Query): Uint8Array {
  const data = new Uint8Array(query.size);
  for (const { offset, id, length, kind, register } of query.patterns) {
    putU16(data, offset, length);
    putU16(data, offset + 2, id);
    if (kind === undefined || register === undefined) continue;
    const value = registers(call.work.adapter, call.domain, kind)[register];
    data.set(pattern(kind, value).subarray(0, length - 4), offset + 4);
  }
  return data;
}

/** `FQ`: card serial number, master key states and verification patterns. */
export function facilityQuery(call: CcaCall): CcaAnswer {
  if (call.block.rules.length !== 1) return { code: CCA.ruleCount };
  const query = QUERIES[call.block.rules[0]];
  if (query === undefined) return { code: CCA.keyword };
  return {
    code: CCA.ok,
    rules: stateRules(call, query.states),
    vud: patternData(call, query),
  };
}

/**
 * `RL`: random numbers. CD-05: the length asked for must be 4 to 4096 and a multiple of 4 (rule 6 in both directions: a
 * kernel never asks for less or more, and a reply of another length damages it); others are 8/25.
 */
export function randomNumbers({ work, block }: CcaCall): CcaAnswer {
  if (block.rules.length !== 1) return { code: CCA.ruleCount };
  if (block.rules[0] !== 'RANDOM  ') return { code: CCA.keyword };
  const length = u32(work.request, REQUEST_BLOCK + CPRBX.at.replyDataRoom);
  if (length < 4 || length > RNG_MAX || length % 4 !== 0) return { code: CCA.textLength };
  const data = new Uint8Array(length);
  work.context.random(data);
  return { code: CCA.ok, data };
}
