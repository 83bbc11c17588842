// SPDX-License-Identifier: Apache-2.0
// vfio_ap as a driver of the AP bus.
// Source: docs/reference/vfio-ap.md sections 1.1 and 4.2 (vfio_ap_drv.c: vfio_ap_drv, vfio_ap_mdev_resource_in_use).
import { TYPE_CEX4, TYPE_CEX8 } from '../../native-like/arch/adapter-types.ts';
import { READ_ONLY } from '../ap-bus/attribute.ts';
import type { ApDevice, ApDriver, ApQueue } from '../ap-bus/device.ts';
import { withLocks } from '../ap-bus/operation.ts';
import { verifyNoSharing } from './assign.ts';
import { onConfigChanged, onScanComplete } from './host-config.ts';
import type { MatrixDevice } from './matrix-device.ts';
import { probeQueue, removeQueue, statusText } from './queue.ts';

/** Makes the driver. The caller registers it. */
export function vfioApDriver(device: MatrixDevice): ApDriver {
  return {
    name: 'vfio_ap',
    isDefault: false,
    matches: (apDevice: ApDevice) =>
      apDevice.kind === 'queue' && apDevice.type >= TYPE_CEX4 && apDevice.type <= TYPE_CEX8,
    probe: (apDevice) => probeQueue(device, apDevice as ApQueue),
    remove: (apDevice) => removeQueue(device, apDevice as ApQueue),
    inUse: (apm, aqm) =>
      withLocks(device.updateLocks, () => verifyNoSharing(device, null, apm, aqm)),
    onConfigChanged: (current, previous) => onConfigChanged(device, current, previous),
    onScanComplete: () => onScanComplete(device),
    queueFiles: [
      {
        name: 'status',
        mode: READ_ONLY,
        show: (queue) => statusText(device, queue),
        readLocks: () => [device.mdevsLock],
      },
    ],
  };
}
