// SPDX-License-Identifier: Apache-2.0
// The domain that a request names in its header, for RC 42.
// Source: docs/reference/messages.md 2.4, 2.5, 2.10; ap-architecture.md AD-28.

import { bigEndian } from './bits.ts';

const ANY_DOMAIN = 0xffff;
const FORMATS = {
  cca: { agent: 0x4341, block: 220, version: 2, at: 88 + 170, size: 2 },
  ep11: { agent: 0x5843, block: 32, version: 4, at: 88 + 12, size: 4 },
};

/** Undefined: the request names none (or any), or is not of the adapter's format. */
export function targetDomain(
  mode: 'loopback' | 'cca' | 'ep11',
  request: Uint8Array,
): number | undefined {
  if (mode === 'loopback') return undefined;
  const format = FORMATS[mode];
  if (request.length < 88 + format.block || request[1] !== 0x06) return undefined;
  if (bigEndian(request, 32, 2) !== format.agent) return undefined;
  if (bigEndian(request, 88, 2) !== format.block || request[90] !== format.version)
    return undefined;
  const domain = bigEndian(request, format.at, format.size);
  return domain === ANY_DOMAIN ? undefined : domain;
}
