// SPDX-License-Identifier: Apache-2.0
// Numbers about a load, written for people.

const TIME_UNITS = [
  { ns: 1, below: 1e3, unit: 'ns', digits: 0 },
  { ns: 1e3, below: 1e6, unit: 'us', digits: 1 },
  { ns: 1e6, below: 1e9, unit: 'ms', digits: 2 },
  { ns: 1e9, below: Number.POSITIVE_INFINITY, unit: 's', digits: 2 },
] as const;

/** A time such as `432.0 us`; `-` if there is none. */
export const timeText = (ns: number | undefined): string => {
  if (ns === undefined) return '-';
  const row = TIME_UNITS.find(({ below }) => ns < below) ?? TIME_UNITS[3];
  return `${(ns / row.ns).toFixed(row.digits)} ${row.unit}`;
};

/** A rate such as `18,519/s`. Small rates have a digit after the point. */
export const rateText = (perSecond: number): string =>
  `${perSecond.toLocaleString('en-US', { maximumFractionDigits: perSecond < 100 ? 1 : 0 })}/s`;

/** A share such as `97.3 %`. */
export const shareText = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A count such as `12,345`. */
export const countText = (count: number): string => count.toLocaleString('en-US');

/** An adapter number as in sysfs. */
export const apidText = (apid: number): string => apid.toString(16).padStart(2, '0');
