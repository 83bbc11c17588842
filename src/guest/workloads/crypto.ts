// SPDX-License-Identifier: Apache-2.0
// Workload for cards that compute: RSA (modulus-exponent) on accelerators and CCA coprocessors, the info query on EP11.
// Source: docs/reference/messages.md 2.1, 2.7, 2.11 through src/cex/messages. The right answer of each RSA request is known
// without arithmetic modulo anything: messages are so short that their cubes are below the modulus.

import { GR2_A, GR2_D } from '../../../native-like/arch/registers.ts';
import { buildModexpo, buildQuery } from '../../cex/messages/build.ts';
import { sameBytes } from '../../cex/messages/bytes.ts';
import { parseReply } from '../../cex/messages/parse.ts';
import { integerArg } from '../arguments.ts';
import { NO_MORE_MESSAGES, type Workload, type WorkloadQueue } from './workload.ts';

const DEFAULT_MESSAGES = 1000;
/** Different requests a queue sends in turn. */
const VARIANTS = 8;
const PUBLIC_EXPONENT = 3;

type Kind = 'accelerator' | 'cca' | 'ep11';

interface CryptoState {
  kind: Kind;
  remaining: number;
  sequence: number;
  requests: Uint8Array[];
  /** Result of each request, as long as the modulus; empty for a query. */
  answers: Uint8Array[];
  /** Which request stands at an address of guest storage. */
  variantAt: Record<number, number>;
}

/** Mode precedence A, D, X as in zcrypt (section 4.4). */
const kindOf = (functions: number): Kind => {
  if ((functions & GR2_A) !== 0) return 'accelerator';
  return (functions & GR2_D) !== 0 ? 'cca' : 'ep11';
};

const toBytes = (value: bigint, size: number): Uint8Array => {
  const hex = value.toString(16).padStart(size * 2, '0');
  return Uint8Array.from({ length: size }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
};

/** An odd modulus with its highest bit on. */
const modulusOf = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i === 0 ? 0xc0 : (i * 73 + 29) & 0xff)).with(
    size - 1,
    0x8b,
  );

const rsaVariant = (
  mode: 'accelerator' | 'cca',
  queue: WorkloadQueue,
  size: number,
  variant: number,
): { request: Uint8Array; answer: Uint8Array } => {
  let message = 0n;
  for (let i = 0; i < Math.floor(size / 4); i++) {
    message = (message << 8n) | BigInt((queue.apqn + variant * 37 + i * 11 + 1) & 0xff);
  }
  return {
    request: buildModexpo({
      mode,
      input: toBytes(message, size),
      exponent: toBytes(BigInt(PUBLIC_EXPONENT), size),
      modulus: modulusOf(size),
      domain: queue.apqn & 0xff,
    }),
    answer: toBytes(message ** BigInt(PUBLIC_EXPONENT), size),
  };
};

const variantsOf = (
  kind: Kind,
  queue: WorkloadQueue,
  size: number,
): { request: Uint8Array; answer: Uint8Array }[] => {
  const count = kind === 'ep11' ? 1 : VARIANTS;
  return Array.from({ length: count }, (_, variant) =>
    kind === 'ep11'
      ? {
          request: buildQuery({ mode: 'ep11', domain: queue.apqn & 0xff }),
          answer: new Uint8Array(0),
        }
      : rsaVariant(kind, queue, size, variant),
  );
};

const isRight = (kind: Kind, reply: Uint8Array, answer: Uint8Array): boolean => {
  const parsed = parseReply(reply);
  switch (parsed.kind) {
    case 'result':
      return kind === 'accelerator' && sameBytes(parsed.result.slice(-answer.length), answer);
    case 'cca':
      return (
        kind === 'cca' && parsed.code === 0 && parsed.rc === 0 && sameBytes(parsed.vud, answer)
      );
    case 'ep11':
      return kind === 'ep11' && parsed.code === 0 && parsed.rv === 0;
    default:
      return false;
  }
};

/**
 * Arguments: `messages` per queue (default 1000, -1 = endless), `modulusBytes` (default 128; 64 to 256, more needs the 4096-bit
 * facilities).
 */
export const crypto: Workload<CryptoState> = {
  name: 'crypto',

  init(args, queue) {
    const kind = kindOf(queue.functions);
    const size = integerArg('crypto', args, 'modulusBytes', { normal: 128, low: 64, high: 512 });
    const variants = variantsOf(kind, queue, size);
    return {
      kind,
      remaining: integerArg('crypto', args, 'messages', {
        normal: DEFAULT_MESSAGES,
        low: -1,
        high: Number.MAX_SAFE_INTEGER,
      }),
      sequence: 0,
      requests: variants.map((v) => v.request),
      answers: variants.map((v) => v.answer),
      variantAt: {},
    };
  },

  requestBytes: (state) => Math.max(...state.requests.map((request) => request.length)),

  next(state, storage, address) {
    if (state.remaining === 0) return NO_MORE_MESSAGES;
    if (state.remaining > 0) state.remaining--;
    const variant = state.sequence++ % state.requests.length;
    const request = state.requests[variant]!;
    storage.set(request, address);
    state.variantAt[address] = variant;
    return request.length;
  },

  check(state, storage, request, _requestBytes, reply, replyBytes) {
    const answer = state.answers[state.variantAt[request]!]!;
    return isRight(state.kind, storage.subarray(reply, reply + replyBytes), answer);
  },

  lost(state, again) {
    if (again && state.remaining >= 0) state.remaining++;
  },
};
