// SPDX-License-Identifier: Apache-2.0
// Master and wrapping key registers of a domain: states, verification patterns, the keys themselves.
// Source: docs/reference/messages.md 2.11 (EP11), 4.1 (states; AES pattern = first 8 bytes of SHA-256(01 || key)).
//
// CD-04 Without configuration every domain has valid current keys, derived from the serial number and the domain, so that
// every card is usable, keys of one domain are refused in another, and runs repeat.
import { createHash } from 'node:crypto';
import type { KeyKind, KeyRegister, KeyRegisters } from './key-registers.ts';
import type { AdapterModel } from './model.ts';

/** Bytes of a kind's verification pattern. */
const PATTERN_BYTES: Readonly<Record<KeyKind, number>> = {
  sym: 8,
  asym: 16,
  aes: 8,
  apka: 8,
  wk: 32,
};

/** The registers of a kind in a domain. */
export function registers(adapter: AdapterModel, domain: number, kind: KeyKind): KeyRegisters {
  const keys = adapter.domainMasterKeys?.[domain] ?? adapter.masterKeys;
  return keys?.[kind] ?? { current: { key: derivedKey(adapter.serial, domain, kind) } };
}

function derivedKey(serial: string, domain: number, kind: KeyKind): Uint8Array {
  return createHash('sha256').update(`apemu master key ${kind} ${serial} ${domain}`).digest();
}

/** The verification pattern of a register; zeros if it is empty. */
export function pattern(kind: KeyKind, register: KeyRegister | undefined): Uint8Array {
  const size = PATTERN_BYTES[kind];
  if (register?.pattern !== undefined) return register.pattern.subarray(0, size);
  if (register?.key === undefined) return new Uint8Array(size);
  return createHash('sha256')
    .update(Uint8Array.of(1))
    .update(register.key)
    .digest()
    .subarray(0, size);
}

/** State character of the new register: 1 empty, 2 partial, 3 full. */
export function newState(register: KeyRegister | undefined): '1' | '2' | '3' {
  if (register === undefined) return '1';
  return register.partial ? '2' : '3';
}

/** State character of the current and old registers: 1 invalid, 2 valid. */
export function validState(register: KeyRegister | undefined): '1' | '2' {
  return register === undefined ? '1' : '2';
}
