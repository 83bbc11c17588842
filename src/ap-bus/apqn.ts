// SPDX-License-Identifier: Apache-2.0
// AP queue numbers: made, taken apart, and named as in sysfs.
// Source: docs/reference/ap-architecture.md section 1.2; vfio-ap.md section 3.4.

/** An AP queue number: adapter in the high byte, domain in the low byte. */
export type Apqn = number;

export const apqnOf = (apid: number, apqi: number): Apqn => (apid << 8) | apqi;
export const apidOf = (apqn: Apqn): number => apqn >>> 8;
export const apqiOf = (apqn: Apqn): number => apqn & 0xff;

/** `XX.YYYY`, as queues are named in sysfs. */
export function apqnName(apqn: Apqn): string {
  return `${hex(apqn >>> 8, 2)}.${hex(apqn & 0xff, 4)}`;
}

/** Lower-case hex with leading zeros. */
export const hex = (value: number, digits: number): string =>
  value.toString(16).padStart(digits, '0');
