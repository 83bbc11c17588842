// SPDX-License-Identifier: Apache-2.0
// EP11 functions of the kernel's key paths: GenerateKey, EncryptSingle, DecryptSingle, UnwrapKey, WrapKey.
// Source: docs/reference/messages.md 4.3; argument order as drivers/s390/crypto/zcrypt_ep11misc.c sends it.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { putU16, putU32, u32 } from '../messages/bytes.ts';
import { EP11, EP11_BUSY } from '../messages/reply-codes.ts';
import { usableWrapping, wrapProtectedKey } from '../protected-key.ts';
import { ATTRIBUTE, type BlobKey, KEY_TYPE_AES, makeBlob, openBlob } from './blob.ts';
import type { Ep11Answer, Ep11Call } from './reply.ts';

/** PKCS#11 attribute types and mechanisms in these messages. */
const CKA_KEY_TYPE = 0x100;
const CKA_VALUE_LEN = 0x161;
const CKM_AES_KEY_GEN = 0x1080;
const CKM_IBM_CPACF_WRAP = 0x80060001;

/** The ciphers, by mechanism. */
const CIPHERS: Readonly<
  Record<number, { readonly name: string; readonly iv: number; readonly padding: boolean }>
> = {
  4225: { name: 'ecb', iv: 0, padding: false },
  4226: { name: 'cbc', iv: 16, padding: false },
  4229: { name: 'cbc', iv: 16, padding: true },
};

/** An attribute template: header u32 (count in its upper half), mask, bits, then pairs of type and value. */
interface Template {
  readonly attributes: number;
  readonly values: ReadonlyMap<number, number>;
}

function readTemplate(bytes: Uint8Array | undefined): Template | undefined {
  if (bytes === undefined || bytes.length < 12) return undefined;
  const pairs = (u32(bytes, 0) >>> 16) & 0x0fff;
  if (bytes.length !== 12 + 8 * pairs) return undefined;
  const values = new Map<number, number>();
  for (let i = 0; i < pairs; i++) values.set(u32(bytes, 12 + 8 * i), u32(bytes, 16 + 8 * i));
  return { attributes: (u32(bytes, 4) & u32(bytes, 8)) >>> 0, values };
}

function keySize(size: number | undefined): boolean {
  return size === 16 || size === 24 || size === 32;
}

function blobAnswer({ work, payload }: Ep11Call, key: BlobKey): Ep11Answer {
  const blob = makeBlob(work.adapter, payload.domain, key, work.context.random);
  return typeof blob === 'number' ? { rv: blob } : { rv: EP11.ok, data: blob };
}

function open({ work, payload }: Ep11Call, blob: Uint8Array): BlobKey | number {
  return openBlob(work.adapter, payload.domain, blob);
}

/** Function 21: reserved word, key bytes, mechanism, template, PIN. */
export function generateKey(call: Ep11Call): Ep11Answer {
  const [reserved, bytes, mechanism, attributes] = call.payload.body;
  if (reserved?.length !== 4 || bytes?.length !== 4 || mechanism === undefined) {
    return { rv: EP11.argumentsBad };
  }
  if (mechanism.length !== 4 || u32(mechanism, 0) !== CKM_AES_KEY_GEN) {
    return { rv: EP11.mechanismInvalid };
  }
  const template = readTemplate(attributes);
  if (template === undefined) return { rv: EP11.templateInconsistent };
  const size = template.values.get(CKA_VALUE_LEN);
  if (size === undefined) return { rv: EP11.templateIncomplete };
  if (!keySize(size)) return { rv: EP11.keySize };
  const clear = new Uint8Array(size);
  call.work.context.random(clear);
  const answer = blobAnswer(call, { clear, attributes: template.attributes });
  clear.fill(0);
  return answer;
}

/** Does one AES operation with the bytes of a mechanism (u32 and IV). Returns a return value if that is not possible. */
function crypt(
  mechanism: Uint8Array,
  key: Uint8Array,
  input: Uint8Array,
  encrypting: boolean,
): Uint8Array | number {
  const row = CIPHERS[u32(mechanism, 0)];
  if (mechanism.length < 4 || row === undefined) return EP11.mechanismInvalid;
  if (mechanism.length !== 4 + row.iv) return EP11.mechanismParameter;
  const partial = input.length % 16 !== 0;
  if (encrypting && partial && !row.padding) return EP11.dataLength;
  if (!encrypting && (partial || input.length === 0)) return EP11.encryptedDataLength;
  const iv = row.iv === 0 ? null : mechanism.subarray(4);
  const name = `aes-${8 * key.length}-${row.name}`;
  const cipher = encrypting ? createCipheriv(name, key, iv) : createDecipheriv(name, key, iv);
  cipher.setAutoPadding(row.padding);
  const start = cipher.update(input);
  try {
    return Buffer.concat([start, cipher.final()]);
  } catch {
    // Wrong padding: an answer of the card, not an error.
    return EP11.encryptedDataInvalid;
  }
}

function cryptSingle(call: Ep11Call, encrypting: boolean): Ep11Answer {
  const [reserved, mechanism, blob, input] = call.payload.body;
  if (reserved?.length !== 4 || mechanism === undefined || !blob || input === undefined) {
    return { rv: EP11.argumentsBad };
  }
  const key = open(call, blob);
  if (typeof key === 'number') return { rv: key };
  if ((key.attributes & ATTRIBUTE.crypt) === 0) return { rv: EP11.keyFunction };
  const output = crypt(mechanism, key.clear, input, encrypting);
  return typeof output === 'number' ? { rv: output } : { rv: EP11.ok, data: output };
}

/** Function 19: reserved word, mechanism, key blob, text. */
export function encryptSingle(call: Ep11Call): Ep11Answer {
  return cryptSingle(call, true);
}

/** Function 20: reserved word, mechanism, key blob, ciphertext. */
export function decryptSingle(call: Ep11Call): Ep11Answer {
  return cryptSingle(call, false);
}

/** Function 34: template, mechanism, key-encrypting key, MAC key (empty), PIN, wrapped key. */
export function unwrapKey(call: Ep11Call): Ep11Answer {
  const [attributes, mechanism, kekBlob, , , wrapped] = call.payload.body;
  if (mechanism === undefined || kekBlob === undefined || wrapped === undefined) {
    return { rv: EP11.argumentsBad };
  }
  const template = readTemplate(attributes);
  if (template === undefined) return { rv: EP11.templateInconsistent };
  if (template.values.get(CKA_KEY_TYPE) !== KEY_TYPE_AES) return { rv: EP11.keyType };
  const kek = open(call, kekBlob);
  if (typeof kek === 'number') return { rv: kek };
  if ((kek.attributes & ATTRIBUTE.wrap) === 0) return { rv: EP11.keyFunction };
  const clear = crypt(mechanism, kek.clear, wrapped, false);
  if (typeof clear === 'number') return { rv: clear };
  const size = template.values.get(CKA_VALUE_LEN) ?? clear.length;
  if (!keySize(size) || size !== clear.length) return { rv: EP11.keySize };
  return blobAnswer(call, { clear, attributes: template.attributes });
}

/** The reply of a CPACF wrap: version 1, key type 1 (AES), bits, size, key and pattern at 42. Source: messages.md 4.3. */
function protectedKeyData(bits: number, key: Uint8Array): Uint8Array {
  const data = new Uint8Array(42 + key.length);
  putU16(data, 0, 1);
  putU32(data, 18, 1);
  putU32(data, 22, bits);
  putU32(data, 30, key.length);
  data.set(key, 42);
  return data;
}

/** Function 33: reserved word, mechanism, key blob, key-encrypting key (empty), MAC key (empty); CPACF wrap only. */
export function wrapKey(call: Ep11Call): Ep11Answer {
  const [reserved, mechanism, blob] = call.payload.body;
  if (reserved?.length !== 4 || mechanism === undefined || blob === undefined) {
    return { rv: EP11.argumentsBad };
  }
  const { context } = call.work;
  if (u32(mechanism, 0) !== CKM_IBM_CPACF_WRAP || !context.special) {
    return { rv: EP11.mechanismInvalid };
  }
  const key = open(call, blob);
  if (typeof key === 'number') return { rv: key };
  if ((key.attributes & ATTRIBUTE.protectedKey) === 0) return { rv: EP11.keyFunction };
  if (!usableWrapping(context.wrappingKey)) {
    return { rv: EP11.generalError, returnCode: EP11_BUSY };
  }
  const wrapped = wrapProtectedKey(key.clear, context.wrappingKey);
  return { rv: EP11.ok, data: protectedKeyData(8 * key.clear.length, wrapped) };
}
