// SPDX-License-Identifier: Apache-2.0
// Functions of a CCA coprocessor: what is computed, what is refused and why.
// Source: docs/reference/messages.md 4.1, 4.2, 4.4, 8.2.
import type { FunctionRow } from '../function-row.ts';
import { ascii } from '../messages/bytes.ts';
import { REQUEST_PARAMETERS } from '../messages/headers.ts';
import { agreeKey, generateEccKey, signHash, verifyHash } from './ecc.ts';
import { generateCipherKey, generateDataKey, importCipherKey, importDataKey } from './keys.ts';
import { cipherToProtected, dataToProtected } from './protected.ts';
import { FQ_KEYWORDS, facilityQuery, randomNumbers } from './query.ts';
import type { CcaHandler } from './reply.ts';
import { privateKeyOperation, publicKeyOperation } from './rsa.ts';

const CLEAR_ECC =
  'clear keys, as libica sends them; tokens with an enciphered key are 8/29, their layout is not public';
const NO_ADMIN = 'TKE and administration messages are not public: 82/8A outside ADM, else 12/769';

/** Every function of messages.md section 4, 2.9 and 8.2. */
export const CCA_FUNCTIONS: readonly FunctionRow[] = [
  {
    code: 'PK',
    name: 'RSA modulus-exponent, clear key',
    support: 'part',
    reason: 'rule MRP; other rules are 12/769, no public client on this path',
    clear: true,
  },
  {
    code: 'PD',
    name: 'RSA CRT, clear key',
    support: 'part',
    reason: 'rule ZERO-PAD and clear tokens; others are 12/769 and 8/72',
    clear: true,
  },
  { code: 'RL', name: 'random numbers', support: 'full', clear: true },
  {
    code: 'FQ',
    name: 'facility query',
    support: 'part',
    reason: `${FQ_KEYWORDS.join(', ')}; other keywords come from the proprietary host library only, their layouts are not public: 8/33`,
    clear: true,
  },
  { code: 'KG', name: 'generate AES DATA key', support: 'full' },
  { code: 'CM', name: 'clear to AES DATA key', support: 'full' },
  { code: 'US', name: 'AES DATA to protected key', support: 'full', special: true },
  { code: 'GK', name: 'generate AES CIPHER key', support: 'full' },
  { code: 'IP', name: 'clear to AES CIPHER key by parts', support: 'full' },
  {
    code: 'AU',
    name: 'AES CIPHER or ECC key to protected key',
    support: 'part',
    reason:
      'AES CIPHER; ECC private key tokens are 8/29, their encrypted section is not in the reference',
    special: true,
  },
  ...(
    [
      ['PG', 'generate ECC key pair'],
      ['DH', 'ECDH'],
      ['SG', 'ECDSA sign'],
      ['SV', 'ECDSA verify'],
    ] as const
  ).map(
    ([code, name]): FunctionRow => ({
      code,
      name,
      support: 'part',
      reason: CLEAR_ECC,
      clear: true,
    }),
  ),
  {
    code: 'T3',
    name: 'administration (func_id T3, T5, T6, T7)',
    support: 'none',
    reason: NO_ADMIN,
  },
];

/** The code behind a function code; missing: 12/769. */
export const CCA_HANDLERS: Readonly<Record<string, CcaHandler | undefined>> = {
  PK: publicKeyOperation,
  PD: privateKeyOperation,
  RL: randomNumbers,
  FQ: facilityQuery,
  KG: generateDataKey,
  CM: importDataKey,
  US: dataToProtected,
  GK: generateCipherKey,
  IP: importCipherKey,
  AU: cipherToProtected,
  PG: generateEccKey,
  DH: agreeKey,
  SG: signHash,
  SV: verifyHash,
};

/** The function code of a request, for service times and fault rules. */
export function ccaFunction(request: Uint8Array): string {
  return ascii(request, REQUEST_PARAMETERS, 2);
}
