// SPDX-License-Identifier: Apache-2.0
// What travels through Redis, as bytes and back: JSON, deflated, under the name of its content. Whoever wrote it is not believed: length,
// name and shape are looked at before anything is made of it.
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Static, TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { ApemuError } from '../../errors.ts';
import { MIB } from '../../units.ts';

/** A text under the name of its content. */
export interface Blob {
  readonly hash: string;
  readonly bytes: Buffer;
}

/** Longest blob as it travels, and as it is when unpacked. */
export const BLOB_BYTES_MAX = 16 * MIB;
const TEXT_BYTES_MAX = 64 * MIB;
/** Little work for most of the gain: a job is packed in less time than one of its cases takes. */
const DEFLATE = { level: 1 };
const PATH_SHOWN = 80;

export const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

export const pack = (value: unknown): Blob => {
  const text = JSON.stringify(value);
  return { hash: sha256(text), bytes: deflateRawSync(text, DEFLATE) };
};

const refused = (what: string, cause?: unknown): ApemuError =>
  new ApemuError('APEMU_ERR_QUEUE_MESSAGE', what, { cause });

/**
 * What a blob says.
 * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` for one that is too long, is not what its name says, or has another shape
 */
export const unpack = <S extends TSchema>({ hash, bytes }: Blob, schema: S): Static<S> => {
  if (bytes.length > BLOB_BYTES_MAX)
    throw refused(`a message of more than ${BLOB_BYTES_MAX} bytes (expected at most so many)`);
  let text: string;
  try {
    text = inflateRawSync(bytes, { maxOutputLength: TEXT_BYTES_MAX }).toString('utf8');
  } catch (cause) {
    throw refused('a message that cannot be unpacked (expected deflated JSON)', cause);
  }
  if (sha256(text) !== hash) throw refused('a message whose content is not what its name says');
  return parse(text, schema);
};

/** JSON of a known shape. @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` */
export const parse = <S extends TSchema>(text: string, schema: S): Static<S> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refused('a message that is no JSON', cause);
  }
  return checked(value, schema);
};

/** @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` */
export const checked = <S extends TSchema>(value: unknown, schema: S): Static<S> => {
  if (Check(schema, value)) return value as Static<S>;
  const [first] = Errors(schema, value);
  const where = (first?.instancePath ?? '').slice(0, PATH_SHOWN);
  throw refused(`a message of another shape: ${where || 'it'} ${first?.message ?? 'is wrong'}`);
};

const PACKED_BYTES = 4;

/** Numbers below 2^32 as text: a schema would look at each of them for longer than a case takes. */
export const packNumbers = (numbers: ArrayLike<number>): string => {
  const bytes = Buffer.allocUnsafe(numbers.length * PACKED_BYTES);
  for (let n = 0; n < numbers.length; n++) bytes.writeUInt32LE(numbers[n], n * PACKED_BYTES);
  return bytes.toString('base64');
};

/** @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` for what is not made of whole numbers */
export const unpackNumbers = (text: string): Uint32Array => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % PACKED_BYTES !== 0) throw refused('a message with part of a number');
  const numbers = new Uint32Array(bytes.length / PACKED_BYTES);
  for (let n = 0; n < numbers.length; n++) numbers[n] = bytes.readUInt32LE(n * PACKED_BYTES);
  return numbers;
};
