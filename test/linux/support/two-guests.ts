// SPDX-License-Identifier: Apache-2.0
// The configuration of the documentation: two guests on one partition.

/** A fresh copy; `change` replaces top-level keys. */
export function twoGuests(change: Readonly<Record<string, unknown>> = {}) {
  return {
    apemu: 1,
    machine: {
      profile: 'z16',
      adapters: {
        5: { type: 'CEX8', mode: 'cca' },
        6: { type: 'CEX8', mode: 'accelerator' },
      },
      usageDomains: [0x04, 0x47, 0xab, 0xff],
      controlDomains: [0x04, 0x47, 0xab, 0xff],
    },
    host: { apmask: '-5,-6' },
    guests: {
      Guest1: { vcpus: 1, mdev: { adapters: [5, 6], domains: [0x04, 0xab], controlDomains: [] } },
      Guest2: { vcpus: 1, mdev: { adapters: [5], domains: [0x47, 0xff], controlDomains: [] } },
    },
    ...change,
  };
}
