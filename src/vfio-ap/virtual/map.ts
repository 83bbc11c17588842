// SPDX-License-Identifier: Apache-2.0
// The map of a virtual mdev: virtual adapters and domains, and the real ones behind each of them.
// Source: docs/reference/vfio-ap.md section 8.3, rules V-04 and V-13.

import { type Apqn, apqnName, apqnOf } from '../../ap-bus/apqn.ts';
import { type Mask, maskOf } from '../../ap-bus/mask.ts';
import { cString, kstrtoul, type Parsed } from '../../ap-bus/number-syntax.ts';
import type { Axis } from '../matrix.ts';

/** The virtual numbers of one axis, and the real numbers behind each, in the order in which they were assigned. */
export type AxisMap = Map<number, number[]>;

/**
 * The maps of both axes. The real APQNs behind a virtual one are all real adapters of its adapter combined with all real domains of its
 * domain.
 */
export type VirtualMap = Readonly<Record<Axis, AxisMap>>;

export const emptyMap = (): VirtualMap => ({ adapter: new Map(), domain: new Map() });

/**
 * Contents of a write to an assign or unassign file, such as `4:3,22,254`. Without real numbers (`4`) all of them are meant, which only
 * unassign allows.
 */
export interface Mapping {
  readonly virtual: number;
  readonly real: readonly number[];
}

const EINVAL = { ok: false, errno: 'EINVAL' } as const;

/**
 * Parses `v`, `v:r` or `v:r,r…`, with numbers as in all files of an mdev (decimal, 0x, octal; one newline at the end). EINVAL for
 * anything else, ERANGE above 64 bits.
 */
export function parseMapping(raw: string): Parsed<Mapping> {
  const text = cString(raw).replace(/\n$/, '');
  if (text.includes('\n')) return EINVAL;
  const colon = text.indexOf(':');
  const virtual = kstrtoul(colon < 0 ? text : text.slice(0, colon));
  if (!virtual.ok) return virtual;
  const real: number[] = [];
  for (const part of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const number = kstrtoul(part);
    if (!number.ok) return number;
    if (!real.includes(number.value)) real.push(number.value);
  }
  return { ok: true, value: { virtual: virtual.value, real } };
}

/** A copy in which the real numbers are added behind the virtual one. */
export function withMapping(map: AxisMap, { virtual, real }: Mapping): AxisMap {
  const before = map.get(virtual) ?? [];
  return new Map([...map, [virtual, [...new Set([...before, ...real])]]]);
}

/**
 * A copy in which these real numbers are no longer behind the virtual one. If none are named, or none is left, the virtual number goes
 * too.
 */
export function withoutMapping(map: AxisMap, { virtual, real }: Mapping): AxisMap {
  const rest = real.length === 0 ? [] : (map.get(virtual) ?? []).filter((n) => !real.includes(n));
  const changed = new Map(map);
  if (rest.length === 0) changed.delete(virtual);
  else changed.set(virtual, rest);
  return changed;
}

/** All real numbers of one axis as a mask. */
export function realMask(map: AxisMap): Mask {
  return maskOf([...map.values()].flat());
}

/** All virtual numbers of one axis as a mask. */
export function virtualMask(map: AxisMap): Mask {
  return maskOf(map.keys());
}

/** The real numbers behind one virtual number as a mask. */
export function behind(map: AxisMap, virtual: number): Mask {
  return maskOf(map.get(virtual) ?? []);
}

const ascending = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);

/** The virtual APQNs, ascending. */
export function virtualApqns(map: VirtualMap): Apqn[] {
  const domains = ascending(map.domain.keys());
  return ascending(map.adapter.keys()).flatMap((apid) => domains.map((apqi) => apqnOf(apid, apqi)));
}

/** Text of the file `map` (V-13): a line for each virtual APQN, such as `04.0000: 03.0008 03.0047 …`. */
export function mapText(map: VirtualMap): string {
  const line = (apqn: Apqn): string => {
    const domains = ascending(map.domain.get(apqn & 0xff) ?? []);
    const real = ascending(map.adapter.get(apqn >>> 8) ?? []).flatMap((apid) =>
      domains.map((apqi) => apqnName(apqnOf(apid, apqi))),
    );
    return `${apqnName(apqn)}: ${real.join(' ')}\n`;
  };
  return virtualApqns(map).map(line).join('');
}
