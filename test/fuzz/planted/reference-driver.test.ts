// SPDX-License-Identifier: Apache-2.0
// Defects planted in a copy of the reference AP bus driver are found from the default seed, each by an oracle that should.
import { REFERENCE_DEFECTS } from './reference-driver.ts';
import { expectFound } from './table.ts';

const CONFIG = `
apemu: 1
machine:
  adapters:
    5: { mode: cca, service: { time: 300us } }
  usageDomains: [4, 0x47]
guests: { Guest1: { memory: 512KiB, mdev: { adapters: [5], domains: [4, 0x47] } } }
`;

expectFound('the reference driver', REFERENCE_DEFECTS, 'ap-bus', CONFIG);
