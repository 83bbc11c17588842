// SPDX-License-Identifier: Apache-2.0
// Random machines with interesting edges: depths, limits, id ranges, CRYCB formats, facilities, timing.
// Source: ap-architecture.md 4.4, 6.2, AD-18 to AD-26.

import type {
  AdapterConfig,
  GuestConfig,
  MachineConfig,
  MachinePreset,
  Masks,
  SegmentBoundary,
} from '../vectors/under-test.ts';
import type { Random } from './random.ts';

/** Enough for the largest message, and small enough to compare after each instruction. */
export const STORAGE_BYTES = 0x11000;

export const APIDS = { wide: [0, 1, 5, 6, 0x21, 63, 64, 255], narrow: [0, 1, 5, 6, 0x21, 63] };
export const APQIS = { wide: [0, 4, 15, 16, 0x47, 0xab, 255], narrow: [0, 1, 4, 15] };

/** Facility words with every command of their mode (accelerator, CCA, EP11), and each without S. */
const FUNCTIONS = [0xea800000, 0xf2800000, 0x86800000, 0x6a800000, 0x72800000, 0x06800000];
const CCA_WORD = 0x10000000;

function adapter(random: Random, apid: number): AdapterConfig {
  const functions = random.pick(FUNCTIONS);
  return {
    apid,
    type: random.pick([10, 11, 12, 13, 14, 14]),
    mode: (functions & CCA_WORD) !== 0 && random.chance(50) ? 'cca' : 'loopback',
    functions,
    depth: random.pick([1, 2, 3, 8, 16]),
    ml: random.pick([0, 0, 1, 3, 15]),
    nd: random.pick([84, 85, 0]),
    serviceNs: random.pick([0, 0, 100_000, 1_000_000]),
  };
}

/** AD-18, in one machine out of five. */
function boundary(random: Random): SegmentBoundary | undefined {
  if (!random.chance(20)) return undefined;
  if (random.chance(30)) return { at: 'address', bytes: random.pick([256, 4096]) };
  return { at: 'progress', bytes: random.pick([1, 64, 100, 4096]) };
}

function machine(random: Random): MachineConfig {
  const apxa = random.chance(80);
  const ids = apxa ? 'wide' : 'narrow';
  const adapters = random.some(APIDS[ids], 40).map((apid) => adapter(random, apid));
  if (adapters.length === 0) adapters.push(adapter(random, random.pick(APIDS[ids])));
  const usageDomains = random.some(APQIS[ids], 60);
  if (usageDomains.length === 0) usageDomains.push(4);
  const cc2 = boundary(random);
  return {
    apInstalled: !random.chance(1),
    apxa,
    qciFlags: { S: true, C: random.chance(70), R: random.chance(30), B: random.chance(60) },
    na: apxa ? 255 : 0,
    nd: apxa ? random.pick([84, 255]) : 0,
    usageDomains,
    controlDomains: random.some(APQIS[ids], 60),
    adapters,
    timing: {
      rapqNs: random.pick([0, 1_000_000]),
      zapqNs: random.pick([0, 1_000_000, 5_000_000]),
      aqicNs: random.pick([0, 100_000]),
      assocNs: random.pick([0, 1_000_000]),
    },
    ...(cc2 === undefined ? {} : { cc2 }),
    partsAllowed: random.chance(80),
  };
}

/** Mostly what the machine has, with ids that it has not, and bits that an APCB0 does not use. */
export function randomMasks(random: Random): Masks {
  const ids = APIDS.wide;
  const domains = [...APQIS.wide, 1];
  const percent = random.pick([0, 50, 85, 85, 100]);
  return {
    apm: random.some(ids, percent),
    aqm: random.some(domains, percent),
    adm: random.some(domains, random.pick([0, 50, 100])),
  };
}

function guest(random: Random, name: string, apxa: boolean): GuestConfig {
  const facilities = [12, 15, 65, 76].filter(() => random.chance(90));
  const secure = random.chance(40);
  return {
    name,
    apie: random.chance(95),
    facilities,
    crycb: {
      format: apxa && random.chance(70) ? 2 : random.pick([0, 1, 2]),
      apcb0: randomMasks(random),
      apcb1: randomMasks(random),
    },
    storageBytes: STORAGE_BYTES,
    ...(secure ? { secureExecution: { secrets: random.some([0, 1, 7, 0xffff], 60) } } : {}),
    vcpus: random.pick([1, 2]),
  };
}

/** Guest 0 is the host partition and is never secure. */
export function randomPreset(random: Random): MachinePreset {
  const config = machine(random);
  const { secureExecution: _none, ...host } = guest(random, 'host', config.apxa);
  const names = ['Guest1', 'Guest2', 'Guest3'].slice(0, 1 + random.below(3));
  return {
    machine: config,
    guests: [{ ...host, apie: true }, ...names.map((name) => guest(random, name, config.apxa))],
  };
}
