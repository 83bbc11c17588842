// SPDX-License-Identifier: Apache-2.0
// AP queue numbers: how they are made, taken apart, and named in sysfs.
// Source: docs/reference/ap-architecture.md section 1.2; vfio-ap.md section 3.4.

/** An AP queue number: adapter in the high byte, domain in the low byte. */
export type Apqn = number;

export const apqnOf = (apid: number, apqi: number): Apqn => (apid << 8) | apqi;
export const apidOf = (apqn: Apqn): number => apqn >>> 8;
export const apqiOf = (apqn: Apqn): number => apqn & 0xff;

/** Name of a queue as in sysfs: `XX.YYYY`. */
export function apqnName(apqn: Apqn): string {
  return `${hex(apqn >>> 8, 2)}.${hex(apqn & 0xff, 4)}`;
}

/** A number in lower-case hex with leading zeros. */
export const hex = (value: number, digits: number): string =>
  value.toString(16).padStart(digits, '0');
