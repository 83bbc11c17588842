// SPDX-License-Identifier: Apache-2.0
// The mdev of a guest, passthrough or virtual, from its file's form to the form the machine is built from.
// Source: docs/design.md section 5; docs/reference/vfio-ap.md section 8.3.

import type { RawGuest } from './schema.ts';
import { MAX_APID, MAX_APQI } from './schema-parts.ts';
import type { Path } from './source.ts';
import type { MdevConfig, VirtualMdevConfig, VirtualNumber } from './types.ts';

type RawMdev = NonNullable<RawGuest['mdev']>;
type RawNumbers = RawMdev['adapters'];
type Say = (what: string, path: Path, message: string, expected: string) => void;

/** The mdev of a guest. At most one of the two is defined. */
export interface Mdevs {
  readonly mdev: MdevConfig | undefined;
  readonly virtualMdev: VirtualMdevConfig | undefined;
}

const ascending = (numbers: readonly number[]): number[] =>
  [...new Set(numbers)].sort((a, b) => a - b);

/** Says what does not go together and leaves it out. */
export function normaliseMdev(raw: RawMdev | undefined, path: Path, report: Say): Mdevs {
  if (raw === undefined) return { mdev: undefined, virtualMdev: undefined };
  if (raw.type === 'virtual')
    return { mdev: undefined, virtualMdev: virtualMdev(raw, path, report) };
  for (const key of ['choice', 'allowSecure'] as const) {
    if (raw[key] !== undefined)
      report('COMBINATION', [...path, key], `${key} is for virtual mdevs`, 'type: virtual');
  }
  const list = (key: 'adapters' | 'domains'): number[] => {
    const numbers = raw[key] ?? [];
    if (Array.isArray(numbers)) return ascending(numbers);
    report('COMBINATION', [...path, key], `${key} is a mapping`, 'a list, or type: virtual');
    return [];
  };
  return {
    mdev: {
      adapters: list('adapters'),
      domains: list('domains'),
      controlDomains: ascending(raw.controlDomains ?? []),
    },
    virtualMdev: undefined,
  };
}

function virtualMdev(raw: RawMdev, path: Path, report: Say): VirtualMdevConfig {
  if (raw.controlDomains !== undefined) {
    const message = 'a virtual mdev has no control domains (V-15)';
    report('COMBINATION', [...path, 'controlDomains'], message, 'no controlDomains');
  }
  return {
    adapters: mapping(raw.adapters, MAX_APID, [...path, 'adapters'], report),
    domains: mapping(raw.domains, MAX_APQI, [...path, 'domains'], report),
    choice: raw.choice ?? 'least',
    allowSecure: raw.allowSecure ?? false,
  };
}

function mapping(raw: RawNumbers, max: number, path: Path, report: Say): VirtualNumber[] {
  if (Array.isArray(raw)) {
    const expected = 'a mapping of virtual numbers to real ones, such as { 4: [3, 22] }';
    report('COMBINATION', path, 'a virtual mdev needs a mapping here', expected);
    return [];
  }
  const found = new Map<number, number[]>();
  for (const [key, real] of Object.entries(raw ?? {})) {
    const virtual = Number(key);
    if (virtual > max) report('RANGE', [...path, key], `${key} is out of range`, `0 to ${max}`);
    else found.set(virtual, ascending([...(found.get(virtual) ?? []), ...real]));
  }
  return [...found]
    .map(([virtual, real]) => ({ virtual, real }))
    .sort((a, b) => a.virtual - b.virtual);
}
