// SPDX-License-Identifier: Apache-2.0
// The single switches of a host profile, as a configuration file may set them.
// Source: docs/reference/vfio-ap.md section 9 (VD-…), docs/reference/ap-architecture.md section 7 (AD-14, AD-22).

export interface SwitchRow {
  readonly name: string;
  /** The words it takes; undefined: true or false. */
  readonly words?: readonly string[];
  readonly decision: string;
  readonly meaning: string;
}

/** One row a switch. Which value a profile gives it is the host's business (src/vfio-ap, src/kvm). */
export const SWITCHES: readonly SwitchRow[] = [
  {
    name: 'removeInUse',
    words: ['block', 'ebusy'],
    decision: 'VD-03',
    meaning: 'removing an mdev in use waits for its close, or fails at once',
  },
  {
    name: 'strictBound',
    decision: 'VD-05',
    meaning: 'assigning an APQN that is not bound to vfio_ap fails with EADDRNOTAVAIL',
  },
  {
    name: 'strictStatus',
    decision: 'VD-06',
    meaning: 'without a hook, AQIC puts its status into GR1 bits 32-63',
  },
  {
    name: 'aqicChecksApcb',
    decision: 'VD-07',
    meaning: 'AQIC on an APQN that was filtered out ends with response code 01',
  },
  {
    name: 'leakOnOddAqic',
    decision: 'VD-18',
    meaning: 'after an unexpected AQIC answer the new page pin and ISC stay, as in Linux',
  },
  {
    name: 'keepHookOnEperm',
    decision: 'AD-14',
    meaning: 'a refused attach leaves its hook behind, as in Linux 6.12',
  },
  { name: 'cfgChg', decision: 'VD-21', meaning: 'the guest is told of each mask change' },
  { name: 'apConfig', decision: 'S4', meaning: 'mdevs have the file ap_config' },
  {
    name: 'controlIncludesUsage',
    decision: 'S1-14',
    meaning: 'assigning a usage domain assigns the control domain too',
  },
  { name: 'wipeSecrets', decision: 'VD-28', meaning: 'a change of owner wipes master keys' },
  { name: 'virtualType', decision: 'VD-29', meaning: 'offers the virtual mdev type' },
];
