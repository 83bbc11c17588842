// SPDX-License-Identifier: Apache-2.0
// Defects planted in a copy of the simple driver are found from the default seed, each by an oracle that should.
import { SIMPLE_DRIVER, SIMPLE_MACHINE } from './config.ts';
import { SIMPLE_DEFECTS } from './simple-driver.ts';
import { expectFound } from './table.ts';

expectFound('the simple driver', SIMPLE_DEFECTS, SIMPLE_DRIVER, SIMPLE_MACHINE);
