// SPDX-License-Identifier: Apache-2.0
// Makes a driver in C from the bytes of its module: as a driver under test, or as the program of a guest.
import type { GuestProgram } from '../cpu.ts';
import type { DriverProgram } from '../driver.ts';
import { WORKLOADS } from '../programs.ts';
import { readDriverModule } from './driver-module.ts';
import { cDriver } from './program.ts';
import { usedDriver } from './with-user.ts';

/**
 * A driver in C (`apemu cc`) as a guest program with the contract of a driver: `submit`, `endings`, `close`. `name` is for messages.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_WASM` for bytes that are not a driver's module
 */
export const loadDriver = (bytes: Uint8Array, name = 'driver.wasm'): DriverProgram =>
  cDriver(readDriverModule(bytes, name)) as DriverProgram;

/** The same, with a user that sends the messages of a workload. This is what `program:` of a configuration means. */
export const loadUsedDriver = (bytes: Uint8Array, name: string): GuestProgram =>
  usedDriver(readDriverModule(bytes, name), WORKLOADS) as GuestProgram;
