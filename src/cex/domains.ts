// SPDX-License-Identifier: Apache-2.0
// Finds out which domain a request is for, and whether its sender may use it.
// Source: docs/reference/messages.md 2.9 (admin classes), 2.10 (EP11), 2.13 (checks); ap-architecture.md AD-28.

import { ascii, u16, u32 } from './messages/bytes.ts';
import {
  CPRBX,
  CPRBX_LENGTH,
  CPRBX_VERSION,
  EP11_CPRB,
  EP11_CPRB_LENGTH,
  EP11_CPRB_VERSION,
  EP11_FLAG_ADMIN,
  REQUEST_BLOCK,
  TYPE_6,
  TYPE6_HEADER,
} from './messages/headers.ts';
import { INVALID_DOMAIN_PENDING } from './messages/reply-codes.ts';
import type { RequestContext } from './model.ts';

/** CPRBX func_ids that administer a domain. Source: messages.md 2.9. */
const ADMIN_IDS: readonly string[] = ['T3', 'T5', 'T6', 'T7'];

/** What a request addresses. */
export interface Target {
  readonly domain: number;
  /** An administrative request, judged by the control domains. */
  readonly admin: boolean;
}

/** The target in a CCA request's CPRBX. */
export function ccaTarget(request: Uint8Array): Target {
  return {
    domain: u16(request, REQUEST_BLOCK + CPRBX.at.domain),
    admin: ADMIN_IDS.includes(ascii(request, REQUEST_BLOCK + CPRBX.at.functionId, 2)),
  };
}

/** The target in an EP11 request's CPRB. */
export function ep11Target(request: Uint8Array): Target {
  return {
    domain: u32(request, REQUEST_BLOCK + EP11_CPRB.at.target),
    admin: (request[REQUEST_BLOCK + EP11_CPRB.at.flags] & EP11_FLAG_ADMIN) !== 0,
  };
}

/** The target of any request, undefined if its header names none (type 50, malformed). */
export function requestTarget(request: Uint8Array): Target | undefined {
  if (request.length < REQUEST_BLOCK + EP11_CPRB_LENGTH || request[1] !== TYPE_6) return undefined;
  const agent = ascii(request, TYPE6_HEADER.at.agent, 2);
  const version = request[REQUEST_BLOCK + CPRBX.at.version];
  if (agent === 'CA' && version === CPRBX_VERSION) {
    return request.length < REQUEST_BLOCK + CPRBX_LENGTH ? undefined : ccaTarget(request);
  }
  return agent === 'XC' && version === EP11_CPRB_VERSION ? ep11Target(request) : undefined;
}

/**
 * The target domain of a request, or -1 if it names none. NQAP without RC8A answers RC 42 when it is neither a usage nor a
 * control domain of the sender (AD-28); with RC8A it accepts, and the reply is 82/8A.
 */
export function targetDomain(request: Uint8Array): number {
  return requestTarget(request)?.domain ?? -1;
}

/**
 * Judges a target (CD-03): administration needs the domain in ADM, use needs the queue's own domain, in AQM. Returns a reply code
 * or 0.
 */
export function checkTarget(target: Target, context: RequestContext): number {
  const { domain, admin } = target;
  const allowed = admin
    ? context.control(domain)
    : domain === context.apqi && context.usage(domain);
  return allowed ? 0 : INVALID_DOMAIN_PENDING;
}
