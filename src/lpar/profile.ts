// SPDX-License-Identifier: Apache-2.0
// How an administrator describes a partition and its adapters, before anything of it is in the image.
// Source: docs/reference/ap-architecture.md sections 2.4, 4.4 and decisions AD-24, AD-36.
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { ApemuError } from '../errors.ts';

/** An adapter as the partition's administrator sees it. */
export interface AdapterProfile {
  /** Adapter number, 0-255. */
  readonly apid: number;
  /** Type number, 14 = CEX8. */
  readonly type: number;
  readonly mode: AdapterMode;
  /** Number of messages that a queue holds, 1-16. */
  readonly depth: number;
  /** Message limit in 4 KiB units, 0-15; 0 = 12288 bytes. */
  readonly ml: number;
  /** Facility word of TAPQ; undefined: the preset of AD-24 for the mode. */
  readonly functions?: number | undefined;
  /** Number of domains as TAPQ shows it. */
  readonly nd?: number;
  readonly service: ServiceProfile;
  readonly configured?: boolean;
}

export type ServiceModel = 'instant' | 'fixed' | 'lognormal' | 'rated';

/** How long requests take, in nanoseconds. `engines` is how many are worked on at a time; 0 = any number. */
export interface ServiceProfile {
  readonly model: ServiceModel;
  readonly timeNs: number;
  readonly sigma: number;
  readonly engines: number;
  readonly order: 'completion' | 'fifo';
}

export const INSTANT_SERVICE: ServiceProfile = {
  model: 'instant',
  timeNs: 0,
  sigma: 0,
  engines: 0,
  order: 'completion',
};

export interface PartitionProfile {
  readonly adapters: readonly AdapterProfile[];
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
  readonly seed: number;
}

/** A partition's state outside the image. */
export interface PartitionRecords {
  readonly adapters: readonly AdapterProfile[];
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
  readonly freeRecords: readonly number[];
  readonly deconfigured: readonly number[];
  readonly checkstopped: readonly number[];
}

/** Throws ApemuError `APEMU_ERR_LPAR_RANGE` if the value is not an adapter or domain number, 0-255. */
export const checkNumber = (value: number, what: string): void => {
  if (!Number.isInteger(value) || value < 0 || value > 255) {
    throw new ApemuError(
      'APEMU_ERR_LPAR_RANGE',
      `${what} ${value} is out of range (expected 0 to 255)`,
    );
  }
};

/** An APQN as sysfs writes it: `05.0004`. */
export const formatApqn = (apqn: number): string =>
  `${(apqn >>> 8).toString(16).padStart(2, '0')}.${(apqn & 0xff).toString(16).padStart(4, '0')}`;
