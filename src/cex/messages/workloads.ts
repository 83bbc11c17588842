// SPDX-License-Identifier: Apache-2.0
// Workloads by name: what a guest sends, and whether the reply is right.
import { constants, publicEncrypt, type RsaPublicKey } from 'node:crypto';
import { ApemuError } from '../../errors.ts';
import { buildCrt, buildModexpo, buildQuery, buildRng } from './build.ts';
import { sameBytes, u32 } from './bytes.ts';
import { type CrtKey, RNG_MAX } from './cca.ts';
import { parseReply, type Reply } from './parse.ts';
import { WORKLOAD_EXPONENT, WORKLOAD_KEYS } from './workload-keys.ts';

/** Kinds of cards on which a workload can run. */
export type WorkloadMode = 'accelerator' | 'cca' | 'ep11';

/** Names of the workloads. */
export type WorkloadName = 'rsa-2048-crt' | 'rng' | 'mixed';

/** What kind of message a job is; `mixed` draws from the list of its mode. */
type JobKind = 'rsa-crt' | 'rsa-mex' | 'rng' | 'fq' | 'module' | 'domain';

/** Kinds by workload and mode; an empty list: the card cannot run it. */
const KINDS: Readonly<Record<WorkloadName, Readonly<Record<WorkloadMode, readonly JobKind[]>>>> = {
  'rsa-2048-crt': { accelerator: ['rsa-crt'], cca: ['rsa-crt'], ep11: [] },
  rng: { accelerator: [], cca: ['rng'], ep11: [] },
  mixed: {
    accelerator: ['rsa-crt', 'rsa-mex', 'rsa-mex'],
    cca: ['rsa-crt', 'rsa-mex', 'rng', 'rng', 'fq'],
    ep11: ['module', 'domain', 'domain'],
  },
};

/** All workload names. */
export const WORKLOAD_NAMES = Object.keys(KINDS) as readonly WorkloadName[];

/** Whether a card of `mode` can run a workload. */
export function canRun(name: WorkloadName, mode: WorkloadMode): boolean {
  return KINDS[name][mode].length > 0;
}

/** One message, and what is known of its answer, as plain data. */
export interface Job {
  readonly kind: JobKind;
  readonly request: Uint8Array;
  /** The result of an RSA operation, if it is known. */
  readonly expected?: Uint8Array;
}

/** What the messages of a workload depend on. */
export interface WorkloadOptions {
  readonly mode: WorkloadMode;
  /** Domain of the queue. */
  readonly domain: number;
  /** Fills bytes at random, from a seed. */
  readonly random: (target: Uint8Array) => void;
  /** Keys of RSA jobs, default the four of this library; public exponent 65537. */
  readonly keys?: readonly CrtKey[];
}

/** A source of jobs. */
export interface Workload {
  readonly name: WorkloadName;
  next(): Job;
}

/** An RSA message with its result, made once by the public operation: x -> x^e; private: x^e -> x. */
interface Pair {
  readonly key: CrtKey;
  readonly modulus: Uint8Array;
  readonly plain: Uint8Array;
  readonly cipher: Uint8Array;
}

/** Pairs made for each key; messages repeat operands, never the order. */
const PAIRS_PER_KEY = 8;

function product(a: Uint8Array, b: Uint8Array): Uint8Array {
  const hex = (x: Uint8Array): string => `0x${Buffer.from(x).toString('hex')}`;
  const text = (BigInt(hex(a)) * BigInt(hex(b))).toString(16);
  return Buffer.from(text.padStart(2 * (a.length + b.length), '0'), 'hex');
}

function makePair(key: CrtKey, random: WorkloadOptions['random']): Pair {
  const modulus = product(key.p, key.q);
  const plain = new Uint8Array(modulus.length);
  random(plain);
  plain[0] = 0;
  const b64 = Buffer.from(modulus).toString('base64url');
  const exponent = Buffer.from([1, 0, 1]).toString('base64url');
  const jwk = { key: { kty: 'RSA', n: b64, e: exponent }, format: 'jwk' };
  const options = { ...jwk, padding: constants.RSA_NO_PADDING } as unknown as RsaPublicKey;
  return { key, modulus, plain, cipher: new Uint8Array(publicEncrypt(options, plain)) };
}

/** A random number below `limit`, which is at most 65536. */
function below(limit: number, random: WorkloadOptions['random']): number {
  const bytes = new Uint8Array(4);
  random(bytes);
  return u32(bytes, 0) % limit;
}

const EXPONENT = Uint8Array.of(WORKLOAD_EXPONENT >> 16, WORKLOAD_EXPONENT >> 8, WORKLOAD_EXPONENT);

function makeJob(kind: JobKind, options: WorkloadOptions, pairs: readonly Pair[]): Job {
  const { mode, domain, random } = options;
  if (kind === 'rng') return { kind, request: buildRng({ domain }) };
  if (kind === 'fq') {
    return { kind, request: buildQuery({ mode: 'cca', keyword: 'STATICSA', domain }) };
  }
  if (kind === 'module' || kind === 'domain') {
    const query = kind === 'module' ? 1 : 3;
    return { kind, request: buildQuery({ mode: 'ep11', query, domain }) };
  }
  const { key, modulus, plain, cipher } = pairs[below(pairs.length, random)];
  const card = mode === 'cca' ? 'cca' : 'accelerator';
  if (kind === 'rsa-crt') {
    const request = buildCrt({ mode: card, input: cipher, key, domain });
    return { kind, request, expected: plain };
  }
  const request = buildModexpo({ mode: card, input: plain, exponent: EXPONENT, modulus, domain });
  return { kind, request, expected: cipher };
}

/**
 * Makes a workload. Same options and random bytes, same messages.
 * @throws ApemuError APEMU_ERR_WORKLOAD_MODE if a card of that mode cannot run it.
 */
export function createWorkload(name: WorkloadName, options: WorkloadOptions): Workload {
  const kinds = KINDS[name][options.mode];
  if (kinds.length === 0) {
    throw new ApemuError(
      'APEMU_ERR_WORKLOAD_MODE',
      `workload ${name} does not run on a card in mode ${options.mode}`,
    );
  }
  const pairs = kinds.some((k) => k.startsWith('rsa'))
    ? (options.keys ?? WORKLOAD_KEYS).flatMap((key) =>
        Array.from({ length: PAIRS_PER_KEY }, () => makePair(key, options.random)),
      )
    : [];
  return {
    name,
    next: () => makeJob(kinds[below(kinds.length, options.random)], options, pairs),
  };
}

function rsaResult(reply: Reply): Uint8Array | undefined {
  if (reply.kind === 'result') return reply.result;
  return reply.kind === 'cca' ? reply.vud : undefined;
}

function wrongAnswer(job: Job, reply: Reply): string | undefined {
  if (reply.kind === 'ep11') {
    const size = job.kind === 'module' ? 196 : 80;
    return reply.body[0]?.length === size ? undefined : 'info has the wrong size';
  }
  if (job.expected !== undefined) {
    const result = rsaResult(reply);
    return result && sameBytes(result, job.expected) ? undefined : 'the RSA result is wrong';
  }
  if (reply.kind !== 'cca') return `a reply of kind ${reply.kind} does not fit the request`;
  if (job.kind === 'fq')
    return reply.vud.length === 204 ? undefined : 'query data has the wrong size';
  const zeros = reply.data.every((b) => b === 0);
  return reply.data.length === RNG_MAX && !zeros ? undefined : 'random data is missing or zero';
}

/** What is wrong with the reply to a job; undefined if it is right. Says codes and sizes, never message bytes. */
export function checkReply(job: Job, bytes: Uint8Array): string | undefined {
  const reply = parseReply(bytes);
  if (reply.kind === 'unknown') return `reply of type ${reply.type.toString(16)}: ${reply.why}`;
  if (reply.kind === 'error') {
    return `error reply ${reply.type.toString(16)}/${reply.code.toString(16)}`;
  }
  if (reply.code !== 0) return `reply code ${reply.code.toString(16)}`;
  if (reply.kind === 'cca' && (reply.rc !== 0 || reply.rs !== 0)) {
    return `CCA rc/rs ${reply.rc}/${reply.rs}`;
  }
  if (reply.kind === 'ep11' && reply.rv !== 0) return `EP11 rv ${reply.rv.toString(16)}`;
  return wrongAnswer(job, reply);
}
