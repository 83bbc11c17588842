// SPDX-License-Identifier: Apache-2.0
// Makes the data of a migration on the source: the guest's configuration, and what TAPQ says of each of its queues.
// Source: docs/reference/migration.md section 4 ("Source side read").
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_RESET_IN_PROGRESS,
} from '../../../native-like/arch/response-codes.ts';
import { responseCode } from '../../../native-like/arch/status-word.ts';
import { type Apqn, apqnName, apqnOf } from '../../ap-bus/apqn.ts';
import type { Errno } from '../../ap-bus/errno.ts';
import { bitsOf } from '../../ap-bus/mask.ts';
import { asyncError } from '../../ap-bus/queue-status.ts';
import type { MatrixDevice } from '../matrix-device.ts';
import type { MatrixMdev } from '../mdev.ts';
import type { MigrationData, QueueData } from './stream-layout.ts';

/** Response codes of TAPQ with which its information is valid. */
const INFORMATION: ReadonlySet<number> = new Set([
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_RESET_IN_PROGRESS,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_BUSY,
]);

/** APQNs of the guest, ordered by APID, then APQI. */
export const guestQueues = ({ shadow }: MatrixMdev): Apqn[] => {
  const domains = bitsOf(shadow.aqm);
  return bitsOf(shadow.apm).flatMap((apid) => domains.map((apqi) => apqnOf(apid, apqi)));
};

/** Executes TAPQ for a queue. Returns its information, or ENODEV or EIO after writing a line to the log. */
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
  return rc === AP_RESPONSE_Q_NOT_AVAIL ? 'ENODEV' : 'EIO';
};

/** Data of the guest as it is now, or the errno for the first queue whose information is not valid. */
export const capture = (device: MatrixDevice, mdev: MatrixMdev): MigrationData | Errno => {
  const queues: QueueData[] = [];
  for (const apqn of guestQueues(mdev)) {
    const queue = queueInformation(device, mdev, apqn);
    if (typeof queue === 'string') return queue;
    queues.push(queue);
  }
  return { adm: mdev.shadow.adm.slice(), queues };
};
