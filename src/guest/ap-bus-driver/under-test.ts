// SPDX-License-Identifier: Apache-2.0
// The module that `apemu fuzz --driver ap-bus` loads: the reference driver, with the contract of a driver under test.
import { createApBusDriver } from './driver.ts';
import { underTest } from './user.ts';

export default underTest(createApBusDriver);
