// SPDX-License-Identifier: Apache-2.0
// Functions of an EP11 coprocessor: what is computed, what is refused and why.
// Source: docs/reference/messages.md 4.3.
import type { FunctionRow } from '../function-row.ts';
import { u32 } from '../messages/bytes.ts';
import { readPayload } from '../messages/ep11.ts';
import { EP11_CPRB, EP11_CPRB_LENGTH, REQUEST_BLOCK } from '../messages/headers.ts';
import { decryptSingle, encryptSingle, generateKey, unwrapKey, wrapKey } from './keys.ts';
import { infoQuery } from './query.ts';
import type { Ep11Handler } from './reply.ts';

const NO_WIRE =
  'only the proprietary host library sends it; argument layout and state blobs are not public: 0x80010013';
const NO_ADMIN =
  'administration messages are signed structures that are not public: 82/8A outside ADM, else 0x80010013';

function none(code: number, name: string, reason: string = NO_WIRE): FunctionRow {
  return { code: String(code), name, support: 'none', reason };
}

/** Every function id of messages.md 4.3. */
export const EP11_FUNCTIONS: readonly FunctionRow[] = [
  none(1, 'Login'),
  none(2, 'Logout'),
  none(3, 'SeedRandom'),
  none(4, 'GenerateRandom'),
  ...[5, 6, 7, 8, 9, 10].map((code) => none(code, 'Digest*')),
  ...[11, 12, 13, 14].map((code) => none(code, 'Encrypt*')),
  ...[15, 16, 17, 18].map((code) => none(code, 'Decrypt*')),
  {
    code: '19',
    name: 'EncryptSingle',
    support: 'part',
    reason: 'AES-ECB, AES-CBC, AES-CBC-PAD; other mechanisms are 0x70',
  },
  {
    code: '20',
    name: 'DecryptSingle',
    support: 'part',
    reason: 'AES-ECB, AES-CBC, AES-CBC-PAD; other mechanisms are 0x70',
  },
  {
    code: '21',
    name: 'GenerateKey',
    support: 'part',
    reason: 'AES; other mechanisms are 0x70, no kernel sends them',
  },
  none(22, 'GenerateKeyPair'),
  ...[23, 24, 25, 26, 27].map((code) => none(code, 'Sign*')),
  ...[28, 29, 30, 31, 32].map((code) => none(code, 'Verify*')),
  {
    code: '33',
    name: 'WrapKey',
    support: 'part',
    reason: 'CPACF wrap (special); other mechanisms are 0x70, no kernel sends them',
  },
  {
    code: '34',
    name: 'UnwrapKey',
    support: 'part',
    reason: 'AES keys under AES keys; others are 0x63 or 0x70',
  },
  none(35, 'DeriveKey'),
  none(36, 'GetMechanismList'),
  none(37, 'GetMechanismInfo'),
  {
    code: '38',
    name: 'get_xcp_info',
    support: 'part',
    reason: 'module and domain; the layouts of queries 0, 2, 4, 5, 6 are not public: 0x7',
    clear: true,
  },
  none(39, 'GetAttributeValue'),
  none(40, 'SetAttributeValue'),
  none(41, 'admin', NO_ADMIN),
  none(42, 'ReencryptSingle'),
  none(43, 'LoginExtended'),
  none(44, 'LogoutExtended'),
];

/** The code behind a function id; missing: 0x80010013. */
export const EP11_HANDLERS: Readonly<Record<number, Ep11Handler | undefined>> = {
  19: encryptSingle,
  20: decryptSingle,
  21: generateKey,
  33: wrapKey,
  34: unwrapKey,
  38: infoQuery,
};

/** The function id of a request as text, for service times and fault rules; empty if the payload is malformed. */
export function ep11Function(request: Uint8Array): string {
  const length = u32(request, REQUEST_BLOCK + EP11_CPRB.at.payloadLength);
  const payload = readPayload(request, REQUEST_BLOCK + EP11_CPRB_LENGTH, length);
  return payload === undefined ? '' : String(payload.functionId);
}
