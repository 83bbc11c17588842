// SPDX-License-Identifier: Apache-2.0
// Functions of a CCA coprocessor: what is computed, what is refused and why.
// Source: docs/reference/messages.md 4.1, 4.2, 8.2.
import type { FunctionRow } from '../functions.ts';
import { ascii } from '../messages/bytes.ts';
import { REQUEST_PARAMETERS } from '../messages/layouts.ts';
import { FQ_KEYWORDS, facilityQuery, randomNumbers } from './query.ts';
import type { CcaHandler } from './reply.ts';
import { privateKeyOperation, publicKeyOperation } from './rsa.ts';

const NO_LAYOUT = 'the message layout is not in public material; 12/769';

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
    reason: `${FQ_KEYWORDS.join(', ')}; the layouts of other keywords are not in the reference: 8/33`,
    clear: true,
  },
];

/** The code behind a function code; missing: 12/769. */
export const CCA_HANDLERS: Readonly<Record<string, CcaHandler | undefined>> = {
  PK: publicKeyOperation,
  PD: privateKeyOperation,
  RL: randomNumbers,
  FQ: facilityQuery,
};

/** The function code of a request, for service times and fault rules. */
export function ccaFunction(request: Uint8Array): string {
  return ascii(request, REQUEST_PARAMETERS, 2);
}
export { NO_LAYOUT };
