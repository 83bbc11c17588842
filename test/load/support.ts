// SPDX-License-Identifier: Apache-2.0
// Machines for tests of loads: one accelerator or loopback adapter, one or two guests.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFromObject } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';

export interface Shape {
  readonly mode?: string;
  readonly depth?: number;
  readonly service?: object;
  readonly domains?: readonly number[];
  readonly workload?: object | string;
  readonly guests?: number;
}

/** The configuration as an object; each guest has `domains` of its own. */
export const shapeObject = (shape: Shape): object => {
  const { mode = 'loopback', depth = 8, service = {}, domains = [0], guests = 1 } = shape;
  const domainsOf = (guest: number): number[] => domains.map((d) => d + guest * domains.length);
  return {
    apemu: 1,
    machine: {
      seed: 3,
      adapters: { 5: { mode, depth, service } },
      usageDomains: Array.from({ length: guests }, (_, n) => domainsOf(n)).flat(),
    },
    guests: Object.fromEntries(
      Array.from({ length: guests }, (_, n) => [
        `Guest${n + 1}`,
        {
          memory: '4MiB',
          mdev: { adapters: [5], domains: domainsOf(n) },
          program: 'ap-bus',
          ...(shape.workload === undefined ? {} : { workload: shape.workload }),
        },
      ]),
    ),
  };
};

export const shapeConfig = (shape: Shape): MachineConfig =>
  configFromObject(shapeObject(shape)).config;

/** The configuration as a file (JSON is YAML). */
export const shapeFile = (shape: Shape): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'apemu-load-')), 'load.yaml');
  writeFileSync(file, JSON.stringify(shapeObject(shape)));
  return file;
};

/** Records of `--json`. */
export const records = (output: string): Record<string, unknown>[] =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
