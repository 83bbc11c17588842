// SPDX-License-Identifier: Apache-2.0
// Builders of requests as a Linux guest sends them, byte for byte.
// Source: docs/reference/messages.md 2.1 (type 50), 2.7 (RSA on CCA), 2.8 (RNG), 2.11 (EP11 query), 4.1 (facility query).
import { ApemuError } from '../../errors.ts';
import { encode, layout } from './byte-layout.ts';
import { putRight, significant } from './bytes.ts';
import {
  buildCca,
  type CrtKey,
  crtKeyBlock,
  FQ_BLOCK,
  FQ_VUD,
  ICA_REPLY_ROOM,
  mexKeyBlock,
  parameterBlock,
  RNG_MAX,
} from './cca.ts';
import { buildEp11, EP11_QUERY_DOMAIN, u32Argument } from './ep11.ts';
import {
  CPRBX_LENGTH,
  TYPE_50,
  TYPE50_HEADER,
  type Type50Format,
  type50Format,
} from './headers.ts';

/** The card that an RSA request is for. */
export type RsaMode = 'accelerator' | 'cca';

/** A modulus-exponent request: input^exponent mod modulus. */
export interface ModexpoRequest {
  readonly mode: RsaMode;
  /** Its length n is the length of the result; 1 to 512 bytes (CCA 16 to 512). */
  readonly input: Uint8Array;
  readonly exponent: Uint8Array;
  readonly modulus: Uint8Array;
  /** Domain of the queue, for CCA only. */
  readonly domain?: number;
  /** CCA only: `6.1` strips the exponent's leading zeros, `6.12` sends n bytes. */
  readonly kernel?: '6.1' | '6.12';
}

/** A CRT request. */
export interface CrtRequest {
  readonly mode: RsaMode;
  readonly input: Uint8Array;
  readonly key: CrtKey;
  readonly domain?: number;
}

/** Header fields of the RSA requests' verb unique data, named for documentation. */
const RSA_RULES = { mex: 'MRP', crt: 'ZERO-PAD' } as const;

function tooLong(what: string, length: number, limit: number): ApemuError {
  return new ApemuError(
    'APEMU_ERR_MESSAGE_OPERAND',
    `${what} of ${length} bytes does not fit: the limit is ${limit} bytes`,
  );
}

function fitted(what: string, number: Uint8Array, size: number): Uint8Array {
  const short = significant(number);
  if (short.length > size) throw tooLong(what, short.length, size);
  return short;
}

function exactly(what: string, number: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  putRight(bytes, 0, size, fitted(what, number, size));
  return bytes;
}

function buildType50(
  format: Type50Format,
  operands: Readonly<Record<string, Uint8Array>>,
): Uint8Array {
  const bytes = new Uint8Array(format.length);
  encode(TYPE50_HEADER, bytes, 0, {
    type: TYPE_50,
    length: format.length,
    keyBlockType: format.code,
  });
  for (const { name, offset, size } of format.fields) {
    putRight(bytes, offset, size, fitted(name, operands[name], size));
  }
  return bytes;
}

function checkInput(input: Uint8Array, mode: RsaMode): void {
  const least = mode === 'cca' ? 16 : 1;
  if (input.length >= least && input.length <= 512) return;
  throw new ApemuError(
    'APEMU_ERR_MESSAGE_OPERAND',
    `an RSA input has ${least} to 512 bytes here, not ${input.length}`,
  );
}

/**
 * Builds a modulus-exponent request: type 50 for an accelerator, type 6 `PK` for a CCA coprocessor.
 * @throws ApemuError APEMU_ERR_MESSAGE_OPERAND if an operand does not fit.
 */
export function buildModexpo(request: ModexpoRequest): Uint8Array {
  const { mode, input, exponent, modulus, domain = 0, kernel = '6.12' } = request;
  checkInput(input, mode);
  const n = input.length;
  if (mode === 'accelerator') {
    return buildType50(type50Format('mex', n)!, { exponent, modulus, message: input });
  }
  const e = kernel === '6.1' ? significant(exponent) : exactly('exponent', exponent, n);
  const keys = mexKeyBlock(e, exactly('modulus', modulus, n));
  return buildCca({
    parameters: parameterBlock('PK', [RSA_RULES.mex], input, keys),
    domain,
    replyRoom: ICA_REPLY_ROOM,
  });
}

/**
 * Builds a CRT request: type 50 for an accelerator, type 6 `PD` for a CCA coprocessor.
 * @throws ApemuError APEMU_ERR_MESSAGE_OPERAND if an operand does not fit.
 */
export function buildCrt(request: CrtRequest): Uint8Array {
  const { mode, input, key, domain = 0 } = request;
  checkInput(input, mode);
  const n = input.length;
  if (mode === 'accelerator') {
    return buildType50(type50Format('crt', n)!, { ...key, message: input });
  }
  const half = (n + 1) >> 1;
  fitted('q', key.q, half);
  fitted('dq', key.dq, half);
  for (const name of ['p', 'dp', 'u'] as const) fitted(name, key[name], half + 8);
  const parameters = parameterBlock('PD', [RSA_RULES.crt], input, crtKeyBlock(key, n));
  return buildCca({
    parameters,
    domain,
    replyRoom: parameters.length,
    fromCardLength1: ICA_REPLY_ROOM,
  });
}

/** The parameter block of RL, 16 bytes. */
const RNG_PARAMETERS = layout('RL parameter block', 16, 'messages.md 2.8', {
  code: [0, 2, 'RL'],
  ruleLength: [2, 2, '10'],
  rule: [4, 8, 'RANDOM'],
  vudLength: [12, 2, '2'],
  keyLength: [14, 2, '2'],
});

/** Builds an `RL` request for `length` random bytes (default 4096, as the kernel asks). */
export function buildRng(request: {
  readonly domain: number;
  readonly length?: number;
}): Uint8Array {
  const none = new Uint8Array(0);
  return buildCca({
    parameters: parameterBlock('RL', ['RANDOM'], none, none),
    domain: request.domain,
    replyRoom: CPRBX_LENGTH + RNG_PARAMETERS.size,
    replyDataRoom: request.length ?? RNG_MAX,
  });
}

/**
 * Builds a query: CCA `FQ` with a keyword (`STATICSA`, `STATICSB`, ...) or the EP11 info query with a number
 * (1 module, 3 domain).
 */
export function buildQuery(
  request:
    | { readonly mode: 'cca'; readonly keyword: string; readonly domain: number }
    | { readonly mode: 'ep11'; readonly query?: number; readonly domain: number },
): Uint8Array {
  if (request.mode === 'ep11') {
    const query = request.query ?? EP11_QUERY_DOMAIN;
    return buildEp11({
      functionId: 38,
      ordinal: 1,
      domain: request.domain,
      body: [u32Argument(query), u32Argument(0)],
      longEnvelope: true,
    });
  }
  const vud = new Uint8Array(FQ_VUD);
  return buildCca({
    parameters: parameterBlock('FQ', [request.keyword], vud, new Uint8Array(0)),
    domain: request.domain,
    replyRoom: FQ_BLOCK,
    rounded: true,
  });
}
