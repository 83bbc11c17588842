// SPDX-License-Identifier: Apache-2.0
// Turns what travels through Redis into bytes and back: JSON, deflated, under a name made from its content. Whoever wrote it is not
// believed: length, name and shape are checked before anything is made of it.
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Static, TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { ApemuError } from '../../errors.ts';
import { MIB } from '../../units.ts';

/** A text and the name made from its content. */
export interface Blob {
  readonly hash: string;
  readonly bytes: Buffer;
}

/** Most bytes of a blob, both as it travels and unpacked. */
export const BLOB_BYTES_MAX = 16 * MIB;
const TEXT_BYTES_MAX = 64 * MIB;
/** The level with most of the gain for little work: packing a job takes less time than one of its cases. */
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
 * The contents of a blob.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` if it is too long, does not fit its name, or has another shape
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

/**
 * Parses JSON of a known shape.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE`
 */
export const parse = <S extends TSchema>(text: string, schema: S): Static<S> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refused('a message that is no JSON', cause);
  }
  return checked(value, schema);
};

/**
 * Checks the shape of a value.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE`
 */
export const checked = <S extends TSchema>(value: unknown, schema: S): Static<S> => {
  if (Check(schema, value)) return value as Static<S>;
  const [first] = Errors(schema, value);
  const where = (first?.instancePath ?? '').slice(0, PATH_SHOWN);
  throw refused(`a message of another shape: ${where || 'it'} ${first?.message ?? 'is wrong'}`);
};

const PACKED_BYTES = 4;

/** Numbers below 2^32 as text. As an array, a schema would need more time to check them than a case takes. */
export const packNumbers = (numbers: ArrayLike<number>): string => {
  const bytes = Buffer.allocUnsafe(numbers.length * PACKED_BYTES);
  for (let n = 0; n < numbers.length; n++) bytes.writeUInt32LE(numbers[n], n * PACKED_BYTES);
  return bytes.toString('base64');
};

/**
 * The numbers in a text.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` if it does not consist of whole numbers
 */
export const unpackNumbers = (text: string): Uint32Array => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % PACKED_BYTES !== 0) throw refused('a message with part of a number');
  const numbers = new Uint32Array(bytes.length / PACKED_BYTES);
  for (let n = 0; n < numbers.length; n++) numbers[n] = bytes.readUInt32LE(n * PACKED_BYTES);
  return numbers;
};
