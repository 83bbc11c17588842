// SPDX-License-Identifier: Apache-2.0
// VFIO_DEVICE_FEATURE: the features that exist, and their checks in the order of the VFIO core.
// Source: docs/reference/migration.md section 2 (drivers/vfio/vfio_main.c: vfio_ioctl_device_feature and what it calls).
import type { Errno } from '../../ap-bus/errno.ts';
import type { MigrationFile } from './file.ts';
import type { MigrationMachine } from './machine.ts';

export const VFIO_DEVICE_FEATURE_MIGRATION = 1;
export const VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE = 2;
const VFIO_DEVICE_FEATURE_MIG_DATA_SIZE = 9;
export const VFIO_DEVICE_FEATURE_GET = 1 << 16;
export const VFIO_DEVICE_FEATURE_SET = 1 << 17;
const VFIO_DEVICE_FEATURE_PROBE = 1 << 18;
const VFIO_MIGRATION_STOP_COPY = 1;
const FEATURE_MASK = 0xffff;
const OPERATIONS = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
const FEATURE_HEADER_BYTES = 8;

export interface FeatureRequest {
  readonly argsz: number;
  readonly flags: number;
  /** For MIG_DEVICE_STATE with SET: the state wanted. */
  readonly deviceState?: number;
  /** Whether the header, or the data behind it, cannot be accessed. */
  readonly badPointer?: 'header' | 'data';
}

/** Data of the feature by name. A `file` comes with a `data_fd` of 0 or above; without one, `data_fd` is -1. */
export type FeatureAnswer =
  | { readonly errno: Errno; readonly data_fd?: -1 }
  | {
      readonly errno?: undefined;
      readonly flags?: number;
      readonly device_state?: number;
      readonly data_fd?: number;
      readonly stop_copy_length?: number;
      readonly file?: MigrationFile;
    };

interface FeatureRow {
  readonly operations: number;
  readonly bytes: number;
  readonly act: (machine: MigrationMachine, request: FeatureRequest) => FeatureAnswer;
}

const deviceState: FeatureRow['act'] = (machine, request) => {
  if ((request.flags & VFIO_DEVICE_FEATURE_GET) !== 0)
    return { device_state: machine.state, data_fd: -1 };
  const answer = machine.set(request.deviceState ?? -1);
  if (answer.errno !== undefined) return { errno: answer.errno, data_fd: -1 };
  const { file } = answer;
  const state = { device_state: request.deviceState ?? -1 };
  return file === undefined ? { ...state, data_fd: -1 } : { ...state, data_fd: 0, file };
};

const FEATURES: ReadonlyMap<number, FeatureRow> = new Map([
  [
    VFIO_DEVICE_FEATURE_MIGRATION,
    {
      operations: VFIO_DEVICE_FEATURE_GET,
      bytes: 8,
      act: () => ({ flags: VFIO_MIGRATION_STOP_COPY }),
    },
  ],
  [VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, { operations: OPERATIONS, bytes: 8, act: deviceState }],
  [
    VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
    {
      operations: VFIO_DEVICE_FEATURE_GET,
      bytes: 8,
      act: (machine) => ({ stop_copy_length: machine.stopCopyLength }),
    },
  ],
]);

/** Answers the ioctl. `machine` is undefined if the kernel, the host or the type of mdev cannot migrate. */
export const deviceFeature = (
  machine: MigrationMachine | undefined,
  request: FeatureRequest,
): FeatureAnswer => {
  const { argsz, flags, badPointer } = request;
  if (badPointer === 'header') return { errno: 'EFAULT' };
  const known = FEATURE_MASK | OPERATIONS | VFIO_DEVICE_FEATURE_PROBE;
  if (argsz < FEATURE_HEADER_BYTES || (flags & ~known) !== 0) return { errno: 'EINVAL' };
  const probe = (flags & VFIO_DEVICE_FEATURE_PROBE) !== 0;
  const asked = flags & OPERATIONS;
  if (!probe && asked === OPERATIONS) return { errno: 'EINVAL' };
  const row = FEATURES.get(flags & FEATURE_MASK);
  if (row === undefined || machine === undefined) return { errno: 'ENOTTY' };
  if ((asked & ~row.operations) !== 0) return { errno: 'EINVAL' };
  if (probe) return {};
  if (asked === 0 || argsz < FEATURE_HEADER_BYTES + row.bytes) return { errno: 'EINVAL' };
  if (badPointer === 'data') return { errno: 'EFAULT' };
  return row.act(machine, request);
};
