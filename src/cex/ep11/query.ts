// SPDX-License-Identifier: Apache-2.0
// EP11 info queries (function 38): module and domain.
// Source: docs/reference/messages.md 2.11.
import { createHash } from 'node:crypto';
import { pattern, registers } from '../master-keys.ts';
import { encode } from '../messages/byte-layout.ts';
import { putAscii, putU32, u32 } from '../messages/bytes.ts';
import {
  EP11_DOMAIN_INFO,
  EP11_MODULE_INFO,
  EP11_QUERY_DOMAIN,
  EP11_QUERY_MODULE,
  EP11_DOMAIN_FLAGS as FLAG,
} from '../messages/ep11.ts';
import { EP11 } from '../messages/reply-codes.ts';
import { type AdapterModel, FACILITY, has } from '../model.ts';
import type { Ep11Answer, Ep11Call } from './reply.ts';

/** Emulated values. Source: messages.md 2.11, column [C]. */
const API_ORDINAL = 4;
const MODULE_TIME = '2024010100000000';
const DOMAINS = 256;
const CONTROL_POINT_BYTES = 8;
const CONTROL_POINT_MAX = 64;
const DEFAULT_MESSAGE_LIMIT = 12288;
/** Type 86 header and CPRB around a payload. */
const AROUND_PAYLOAD = 80;

function fixedHash(what: string): Uint8Array {
  return createHash('sha256').update(`apemu ep11 ${what}`).digest();
}

/** The module info, 196 bytes. */
function moduleInfo(adapter: AdapterModel): Uint8Array {
  const info = new Uint8Array(EP11_MODULE_INFO.size);
  const limit = adapter.ml ? 4096 * adapter.ml : DEFAULT_MESSAGE_LIMIT;
  encode(EP11_MODULE_INFO, info, 0, {
    apiOrdinal: adapter.apiOrdinal ?? API_ORDINAL,
    firmwareMajor: 7,
    firmwareMinor: 1,
    cspMajor: 7,
    cspMinor: 1,
    firmwareHash: fixedHash('firmware'),
    xcpConfigHash: fixedHash('xcp configuration'),
    cspConfigHash: fixedHash('csp configuration'),
    domains: DOMAINS,
    maxPayload: limit - AROUND_PAYLOAD,
    controlPointBytes: CONTROL_POINT_BYTES,
    maxControlPoint: CONTROL_POINT_MAX,
  });
  putAscii(info, EP11_MODULE_INFO.at.serial, adapter.serial.slice(0, 16));
  putAscii(info, EP11_MODULE_INFO.at.moduleTime, MODULE_TIME);
  putU32(info, EP11_MODULE_INFO.at.opMode + 4, adapter.operatingModes ?? 0);
  return info;
}

function domainFlags(adapter: AdapterModel, domain: number): number {
  const { current, new: next } = registers(adapter, domain, 'wk');
  return (
    FLAG.admins |
    FLAG.leftImprint |
    (current === undefined ? 0 : FLAG.currentKey) |
    (next === undefined ? 0 : FLAG.nextKey) |
    (next?.committed ? FLAG.nextCommitted : 0) |
    (has(adapter, FACILITY.special) ? FLAG.protectedKey : 0)
  );
}

/** The domain info, 80 bytes. */
function domainInfo(adapter: AdapterModel, domain: number): Uint8Array {
  const info = new Uint8Array(EP11_DOMAIN_INFO.size);
  const keys = registers(adapter, domain, 'wk');
  encode(EP11_DOMAIN_INFO, info, 0, {
    index: domain,
    currentPattern: pattern('wk', keys.current),
    newPattern: pattern('wk', keys.new),
    flags: domainFlags(adapter, domain),
  });
  putU32(info, EP11_DOMAIN_INFO.at.opMode + 4, adapter.operatingModes ?? 0);
  return info;
}

/** Function 38. Queries other than module and domain are 0x7 (messages.md 8.2). */
export function infoQuery({ work, payload }: Ep11Call): Ep11Answer {
  const [type, subtype] = payload.body;
  if (type?.length !== 4 || subtype?.length !== 4) return { rv: EP11.argumentsBad };
  switch (u32(type, 0)) {
    case EP11_QUERY_MODULE:
      return { rv: EP11.ok, data: moduleInfo(work.adapter) };
    case EP11_QUERY_DOMAIN:
      return { rv: EP11.ok, data: domainInfo(work.adapter, payload.domain) };
    default:
      return { rv: EP11.argumentsBad };
  }
}
