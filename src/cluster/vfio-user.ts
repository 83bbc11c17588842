// SPDX-License-Identifier: Apache-2.0
// What QEMU asks of an open vfio device in a migration.
// Source: docs/reference/migration.md sections 2, 3 and 7.
import type { Errno } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { VfioApFile } from '../vfio-ap/fd.ts';
import {
  VFIO_DEVICE_FEATURE_GET,
  VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
  VFIO_DEVICE_FEATURE_MIGRATION,
  VFIO_DEVICE_FEATURE_SET,
} from '../vfio-ap/migration/feature.ts';
import type { MigrationFile } from '../vfio-ap/migration/file.ts';

const FEATURE_BYTES = 16;

/** Answer of a change of state; `file` where it made a stream. */
export interface StateChange {
  readonly errno?: Errno;
  readonly file?: MigrationFile;
}

/** Asks whether the device can migrate. ENOTTY where it cannot. */
export function* canMigrate(device: VfioApFile): Operation<Errno | undefined> {
  const flags = VFIO_DEVICE_FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_GET;
  const answer = yield* device.ioctl({ name: 'VFIO_DEVICE_FEATURE', argsz: FEATURE_BYTES, flags });
  return answer.errno;
}

/** Sets the device state. */
export function* setState(device: VfioApFile, deviceState: number): Operation<StateChange> {
  const flags = VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET;
  const name = 'VFIO_DEVICE_FEATURE';
  const answer = yield* device.ioctl({ name, argsz: FEATURE_BYTES, flags, deviceState });
  if (answer.errno !== undefined) return { errno: answer.errno };
  return 'file' in answer && typeof answer.file === 'object' ? { file: answer.file } : {};
}

/** Machine reset of QEMU resets its devices. EIO where a queue cannot be reset. */
export function* resetDevice(device: VfioApFile): Operation<Errno | undefined> {
  return (yield* device.ioctl({ name: 'VFIO_DEVICE_RESET' })).errno;
}
