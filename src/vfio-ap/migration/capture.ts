// SPDX-License-Identifier: Apache-2.0
// The source's data: the guest's configuration and what TAPQ says of each of its queues.
// Source: docs/reference/migration.md section 4 ("Source side read").
import type { Errno } from '../../ap-bus/errno.ts';
import { bitsOf } from '../../ap-bus/mask.ts';
import {
  type Apqn,
  apqnName,
  apqnOf,
  asyncError,
  RC_BUSY,
  RC_CHECKSTOPPED,
  RC_DECONFIGURED,
  RC_NORMAL,
  RC_Q_NOT_AVAIL,
  RC_RESET_IN_PROGRESS,
  responseCode,
} from '../../ap-bus/partition.ts';
import type { MatrixDevice } from '../matrix-device.ts';
import type { MatrixMdev } from '../mdev.ts';
import type { MigrationData, QueueData } from './layout.ts';

/** Results of TAPQ after which its information counts. */
const INFORMATION: ReadonlySet<number> = new Set([
  RC_NORMAL,
  RC_RESET_IN_PROGRESS,
  RC_DECONFIGURED,
  RC_CHECKSTOPPED,
  RC_BUSY,
]);

/** APQNs of the guest, APID ascending, then APQI. */
export const guestQueues = ({ shadow }: MatrixMdev): Apqn[] => {
  const domains = bitsOf(shadow.aqm);
  return bitsOf(shadow.apm).flatMap((apid) => domains.map((apqi) => apqnOf(apid, apqi)));
};

/** TAPQ of a queue: its information, or ENODEV or EIO with a line in the log. */
export const queueInformation = (
  device: MatrixDevice,
  { uuid }: MatrixMdev,
  apqn: Apqn,
): QueueData | Errno => {
  const { status, gr2High, gr2Low } = device.bus.partition.tapq(apqn);
  const rc = responseCode(status);
  if (INFORMATION.has(rc) || asyncError(status))
    return { apqn, high: gr2High >>> 0, low: gr2Low >>> 0 };
  const text = `vfio_ap_mdev ${uuid}: Failed to get hwinfo for queue ${apqnName(apqn)}: TAPQ rc=${rc}`;
  device.bus.journal.write('kernel', 'warn', text);
  return rc === RC_Q_NOT_AVAIL ? 'ENODEV' : 'EIO';
};

/** The data of the guest as it is now, or the errno of the first queue that does not answer. */
export const capture = (device: MatrixDevice, mdev: MatrixMdev): MigrationData | Errno => {
  const queues: QueueData[] = [];
  for (const apqn of guestQueues(mdev)) {
    const queue = queueInformation(device, mdev, apqn);
    if (typeof queue === 'string') return queue;
    queues.push(queue);
  }
  return { adm: mdev.shadow.adm.slice(), queues };
};
