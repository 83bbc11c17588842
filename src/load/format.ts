// SPDX-License-Identifier: Apache-2.0
// Numbers of a load as people read them.

const TIME_UNITS = [
  { ns: 1, below: 1e3, unit: 'ns', digits: 0 },
  { ns: 1e3, below: 1e6, unit: 'us', digits: 1 },
  { ns: 1e6, below: 1e9, unit: 'ms', digits: 2 },
  { ns: 1e9, below: Number.POSITIVE_INFINITY, unit: 's', digits: 2 },
] as const;

/** `432.0 us`; `-` for a time there is none of. */
export const timeText = (ns: number | undefined): string => {
  if (ns === undefined) return '-';
  const row = TIME_UNITS.find(({ below }) => ns < below) ?? TIME_UNITS[3];
  return `${(ns / row.ns).toFixed(row.digits)} ${row.unit}`;
};

/** `18,519/s`; small rates with a digit behind the point. */
export const rateText = (perSecond: number): string =>
  `${perSecond.toLocaleString('en-US', { maximumFractionDigits: perSecond < 100 ? 1 : 0 })}/s`;

/** `97.3 %` */
export const shareText = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `12,345` */
export const countText = (count: number): string => count.toLocaleString('en-US');

/** Adapter number as sysfs has it. */
export const apidText = (apid: number): string => apid.toString(16).padStart(2, '0');
