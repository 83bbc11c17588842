// SPDX-License-Identifier: Apache-2.0
// The machines on which planted defects are looked for: one CCA coprocessor with two queues.
import { readFileSync } from 'node:fs';
import { NS_PER_SECOND } from '../../../src/units.ts';

const REFERENCE_CONFIG = `
apemu: 1
machine:
  adapters:
    5: { mode: cca, service: { time: 300us } }
  usageDomains: [4, 0x47]
guests: { Guest1: { memory: 512KiB, mdev: { adapters: [5], domains: [4, 0x47] } } }
`;
export const REFERENCE_DRIVER = 'ap-bus';
export const REFERENCE_MACHINE = { config: REFERENCE_CONFIG };
/** The simple driver gives a request up after 15 s: 30 s say the same as 300 in less. */
export const SIMPLE_MACHINE = {
  config: readFileSync('examples/fuzzing/cards.yaml', 'utf8'),
  recoverNs: 30 * NS_PER_SECOND,
};
export const SIMPLE_DRIVER = 'examples/fuzzing/simple-driver.ts';
