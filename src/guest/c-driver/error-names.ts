// SPDX-License-Identifier: Apache-2.0
// Names of errno values, with the numbers of ap.h.

const NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  4: 'EINTR',
  5: 'EIO',
  11: 'EAGAIN',
  12: 'ENOMEM',
  14: 'EFAULT',
  16: 'EBUSY',
  19: 'ENODEV',
  22: 'EINVAL',
  28: 'ENOSPC',
  32: 'EPIPE',
  90: 'EMSGSIZE',
  95: 'EOPNOTSUPP',
  110: 'ETIMEDOUT',
  125: 'ECANCELED',
};

/** Name of an errno value, positive or negative: `EIO` for 5 and -5. */
export const errorName = (error: number): string => NAMES[Math.abs(error)] ?? `error ${error}`;
