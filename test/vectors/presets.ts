// SPDX-License-Identifier: Apache-2.0
// The machines of the vectors.
// Source: ap-architecture.md AD-24, 6.2, 6.3, section 8.

import type {
  AdapterConfig,
  GuestConfig,
  MachineConfig,
  MachinePreset,
  Masks,
} from './under-test.ts';

export const STORAGE_BYTES = 0x14000;

/** Guests of the standard machine. */
export const HOST = 0;
export const GUEST = 1;
export const EMPTY = 2;
export const SECURE = 3;
export const NO_APIE = 4;
export const BARE = 5;
export const FORMAT_0 = 6;
export const FORMAT_1 = 7;
export const SECURE_2 = 8;

const NONE: Masks = { apm: [], aqm: [], adm: [] };
const ALL_FACILITIES = [12, 15, 65, 76];

/** Facility words with every command of their mode. */
export const ACCELERATOR = 0xea800000;
export const CCA = 0xf2800000;
export const EP11 = 0x86800000;

function adapter(
  apid: number,
  functions: number,
  more: Partial<AdapterConfig> = {},
): AdapterConfig {
  return {
    apid,
    functions,
    type: 14,
    mode: 'loopback',
    depth: 8,
    ml: 3,
    nd: 84,
    serviceNs: 0,
    ...more,
  };
}

function guest(name: string, more: Partial<GuestConfig> = {}): GuestConfig {
  return {
    name,
    apie: true,
    facilities: ALL_FACILITIES,
    crycb: { format: 2, apcb0: NONE, apcb1: NONE },
    storageBytes: STORAGE_BYTES,
    vcpus: 1,
    ...more,
  };
}

/** Masks in the APCB that the format uses; the other one holds what must not be looked at. */
function crycb(format: 0 | 1 | 2, used: Masks, other: Masks = NONE): GuestConfig['crycb'] {
  return format === 2
    ? { format, apcb0: other, apcb1: used }
    : { format, apcb0: used, apcb1: other };
}

export const GUEST_MASKS: Masks = {
  apm: [0x05, 0x06, 0x07, 0x0a, 0x0b, 0x0c, 0x0d, 0x63],
  aqm: [0x04, 0x47, 0xab, 0xf0],
  adm: [0x04, 0x54, 0x77],
};

const machine: MachineConfig = {
  apInstalled: true,
  apxa: true,
  qciFlags: { S: true, C: true, R: false, B: true },
  na: 255,
  nd: 255,
  usageDomains: [0x04, 0x0f, 0x10, 0x47, 0xab, 0xff],
  controlDomains: [0x04, 0x47, 0x54, 0xab, 0xff],
  adapters: [
    adapter(0x05, CCA),
    adapter(0x06, ACCELERATOR, { serviceNs: 1_000_000 }),
    adapter(0x07, CCA, { mode: 'cca' }),
    adapter(0x0a, EP11),
    adapter(0x0b, 0x72800000, { depth: 1, ml: 0, type: 11 }),
    adapter(0x0c, EP11, { mode: 'ep11', depth: 16, ml: 15 }),
    adapter(0x0d, ACCELERATOR, { depth: 2, ml: 1, type: 12 }),
    adapter(0x41, CCA),
    adapter(0x21, EP11),
  ],
  timing: { rapqNs: 1_000_000, zapqNs: 5_000_000, aqicNs: 100_000, assocNs: 1_000_000 },
  partsAllowed: true,
};

const guests: readonly GuestConfig[] = [
  guest('host'),
  guest('Guest1', { crycb: crycb(2, GUEST_MASKS, { apm: [0x21], aqm: [0x0f], adm: [0x0f] }) }),
  guest('Empty'),
  guest('Secure', { crycb: crycb(2, GUEST_MASKS), secureExecution: { secrets: [1, 2, 0xffff] } }),
  guest('NoApie', { apie: false, crycb: crycb(2, GUEST_MASKS) }),
  guest('Bare', { facilities: [], crycb: crycb(2, GUEST_MASKS) }),
  guest('Format0', {
    facilities: [12, 15],
    crycb: crycb(0, { apm: [0x05, 0x21], aqm: [0x04, 0x0f, 0x10], adm: [0x04, 0x10] }, GUEST_MASKS),
  }),
  guest('Format1', {
    crycb: crycb(1, { apm: [0x05, 0x21], aqm: [0x04, 0x0f, 0x10], adm: [0x04, 0x10] }, GUEST_MASKS),
  }),
  guest('Secure2', { crycb: crycb(2, GUEST_MASKS), secureExecution: { secrets: [1] } }),
];

export const STANDARD: MachinePreset = { machine, guests };

/** The standard machine with other machine settings. */
export function standardWith(more: Partial<MachineConfig>): MachinePreset {
  return { machine: { ...machine, ...more }, guests };
}

/** Everything at once: no service, reset or AQIC time. */
export const INSTANT = standardWith({
  adapters: machine.adapters.map((a) => ({ ...a, serviceNs: 0 })),
  timing: { rapqNs: 0, zapqNs: 0, aqicNs: 0, assocNs: 0 },
});

/** A host partition without any facility, QCI flag C or B. */
export const BARE_HOST: MachinePreset = {
  machine: { ...machine, qciFlags: { S: true, C: false, R: true, B: false } },
  guests: [guest('host', { facilities: [] }), ...guests.slice(1)],
};

/** No APXA: 6-bit APIDs, 4-bit APQIs. Guests 1, 2, 3 have CRYCB formats 0, 1, 2. */
const narrowMasks: Masks = { apm: [0x05, 0x3f], aqm: [0x04, 0x0f], adm: [0x04] };
const wideMasks: Masks = { apm: [0x05, 0x06], aqm: [0x04, 0x05], adm: [0x05] };
export const NARROW: MachinePreset = {
  machine: {
    ...machine,
    apxa: false,
    na: 0,
    nd: 0,
    usageDomains: [0x04, 0x05, 0x0f],
    controlDomains: [0x04, 0x05],
    adapters: [adapter(0x05, 0xb0800000), adapter(0x06, 0x28800000), adapter(0x3f, CCA)],
  },
  guests: [
    guest('host'),
    guest('Format0', { crycb: crycb(0, narrowMasks, wideMasks) }),
    guest('Format1', { crycb: crycb(1, narrowMasks, wideMasks) }),
    guest('Format2', { crycb: { format: 2, apcb0: narrowMasks, apcb1: wideMasks } }),
  ],
};

export const WITHOUT_AP = standardWith({ apInstalled: false });

/** A machine whose queues take 4096 bytes, and one whose queues take up to 16384. */
export const SHORT_MESSAGES = standardWith({ adapters: [adapter(0x05, CCA, { ml: 1 })] });
export const LONGER_MESSAGES = standardWith({
  adapters: [adapter(0x05, CCA, { ml: 1 }), adapter(0x06, CCA, { ml: 4 })],
});
