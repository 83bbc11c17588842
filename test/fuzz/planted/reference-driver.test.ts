// SPDX-License-Identifier: Apache-2.0
// Defects planted in a copy of the reference AP bus driver are found from the default seed, each by an oracle that should.
import { REFERENCE_DRIVER, REFERENCE_MACHINE } from './config.ts';
import { REFERENCE_DEFECTS } from './reference-driver.ts';
import { expectFound } from './table.ts';

expectFound('the reference driver', REFERENCE_DEFECTS, REFERENCE_DRIVER, REFERENCE_MACHINE);
