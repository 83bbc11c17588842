// SPDX-License-Identifier: Apache-2.0
// The destination takes complete data: queues there, compatible, not anybody else's; then the mdev's matrix is replaced.
// Source: docs/reference/migration.md sections 5 (step 4) and 9 (defects of the posted code, which `posted-*` keep).

import { apidOf, apqiOf, apqnName, apqnOf, hex } from '../../ap-bus/apqn.ts';
import type { Errno, Outcome } from '../../ap-bus/errno.ts';
import { fetchQci } from '../../ap-bus/host-qci.ts';
import { andNot, bitsOf, emptyMask, equals, isEmpty, testBit } from '../../ap-bus/mask.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { linkAll, validate } from '../assign.ts';
import { filterControlDomains, filterMatrix } from '../filter.ts';
import { type ApMatrix, limitsOf } from '../matrix.ts';
import type { MatrixDevice } from '../matrix-device.ts';
import type { MatrixMdev, VfioApQueue } from '../mdev.ts';
import { resetQueues } from '../reset.ts';
import { guestQueues, queueInformation } from './capture.ts';
import { incompatibilities } from './compatibility.ts';
import type { MigrationData } from './stream-layout.ts';

/** A host and the mdev that resumes on it. */
export interface Destination {
  readonly device: MatrixDevice;
  readonly mdev: MatrixMdev;
  /** Closed meanwhile: nothing may be changed any more. */
  readonly closed: () => boolean;
}

const log = ({ device, mdev }: Destination, text: string): void =>
  device.bus.journal.write('kernel', 'warn', `vfio_ap_mdev ${mdev.uuid}: ${text}`);

/** All APIDs and APQIs that occur: a list that is not their full product would give more than it names. */
const matrixOf = ({ adm, queues }: MigrationData): ApMatrix => {
  const matrix = { apm: emptyMask(), aqm: emptyMask(), adm: adm.slice() };
  for (const { apqn } of queues) {
    const [apid, apqi] = [apidOf(apqn), apqiOf(apqn)];
    matrix.apm[apid >>> 5] |= 0x80000000 >>> (apid & 31);
    matrix.aqm[apqi >>> 5] |= 0x80000000 >>> (apqi & 31);
  }
  return matrix;
};

const isFullProduct = ({ queues }: MigrationData, { apm, aqm }: ApMatrix): boolean =>
  new Set(queues.map(({ apqn }) => apqn)).size === queues.length &&
  queues.length === bitsOf(apm).length * bitsOf(aqm).length;

/** Steps a and b: queues bound to vfio_ap, control domains of the host. All that is missing is reported. */
const checkAvailable = (to: Destination, { adm, queues }: MigrationData): Outcome => {
  const { device, mdev } = to;
  const missing = queues.filter(({ apqn }) => device.queues[apqn] === undefined);
  for (const { apqn } of missing)
    log(to, `Queue ${apqnName(apqn)} not available to vfio_ap driver on target host`);
  if (missing.length > 0) return 'ENODEV';
  const foreign = bitsOf(andNot(adm, device.info.adm));
  for (const domain of foreign) {
    const text = `vfio_ap_mdev: ${mdev.uuid}: Control domain ${hex(domain, 4)} not available on the destination host`;
    device.bus.journal.write('kernel', 'warn', text);
  }
  return foreign.length > 0 ? 'ENODEV' : 'ok';
};

/** Step c: each queue compatible; of several errors the last one wins. */
const checkCompatible = (to: Destination, { queues }: MigrationData): Outcome => {
  let outcome: Outcome = 'ok';
  for (const source of queues) {
    const target = queueInformation(to.device, to.mdev, source.apqn);
    if (typeof target === 'string') {
      outcome = target;
      continue;
    }
    const lines = incompatibilities(source, target);
    for (const line of lines) log(to, line);
    if (lines.length > 0) outcome = 'EINVAL';
  }
  return outcome;
};

/** Whether every number is within what the host has, by a fresh QCI. */
const inRange = ({ device }: Destination, { apm, aqm, adm }: ApMatrix): boolean => {
  const { apmMax, aqmMax, admMax } = limitsOf(fetchQci(device.bus.partition));
  const highest = (numbers: number[]): number => numbers.at(-1) ?? 0;
  return (
    highest(bitsOf(apm)) <= apmMax &&
    highest(bitsOf(aqm)) <= aqmMax &&
    highest(bitsOf(adm)) <= admMax
  );
};

const judge = (to: Destination, wanted: ApMatrix): Outcome => {
  const outcome = validate(to.device, to.mdev, wanted.apm, wanted.aqm);
  if (outcome !== 'ok') return outcome;
  return inRange(to, wanted) ? 'ok' : 'ENODEV';
};

/** Links every bound queue of the mdev's matrix. A queue of another mdev changes hands, as the posted code does it. */
const linkMatrix = ({ device, mdev }: Destination): void => {
  for (const apid of bitsOf(mdev.matrix.apm))
    for (const apqi of bitsOf(mdev.matrix.aqm)) {
      const queue = device.queues[apqnOf(apid, apqi)];
      if (queue?.mdev != null && queue.mdev !== mdev) device.unlink(queue.mdev, queue);
    }
  for (const apid of bitsOf(mdev.matrix.apm)) linkAll(device, mdev, 'adapter', apid);
};

const outside = (mdev: MatrixMdev): VfioApQueue[] =>
  [...mdev.table.values()].filter(
    ({ apqn }) =>
      !testBit(mdev.matrix.apm, apidOf(apqn)) || !testBit(mdev.matrix.aqm, apqiOf(apqn)),
  );

const assignMatrix = (mdev: MatrixMdev, { apm, aqm, adm }: ApMatrix): void => {
  mdev.matrix.apm = apm;
  mdev.matrix.aqm = aqm;
  mdev.matrix.adm = adm;
};

/**
 * Defect of the posted code: it links before it validates, so a refused matrix has taken queues from other mdevs, and what is put back
 * does not give them back.
 */
const linkThenJudge = (to: Destination, wanted: ApMatrix): Outcome => {
  const { device, mdev } = to;
  const old = { ...mdev.matrix };
  const had = new Set(mdev.table.values());
  assignMatrix(mdev, wanted);
  linkMatrix(to);
  const outcome = judge(to, wanted);
  if (outcome === 'ok') return outcome;
  assignMatrix(mdev, old);
  for (const queue of [...mdev.table.values()]) if (!had.has(queue)) device.unlink(mdev, queue);
  return outcome;
};

/** Filter, one write of the masks, then the resets. */
function* exchange(
  to: Destination,
  before: MatrixMdev['shadow'],
  strict: boolean,
): Operation<void> {
  const { device, mdev } = to;
  const reached = new Set(guestQueues({ shadow: before } as MatrixMdev));
  const leaving = outside(mdev);
  filterMatrix(device, mdev);
  filterControlDomains(device, mdev);
  const { shadow } = mdev;
  const changed = (['apm', 'aqm', 'adm'] as const).some(
    (part) => !equals(before[part], shadow[part]),
  );
  if (changed) device.updateGuest(mdev);
  const left = [...mdev.table.values()].filter(
    ({ apqn }) => reached.has(apqn) && !device.inShadow(mdev, apqn),
  );
  // Defect of the posted code: it looks at adapters alone, and resets nothing when only domains have left.
  const adaptersLeft = !isEmpty(andNot(before.apm, shadow.apm));
  if (left.length > 0 && (strict || adaptersLeft)) yield* resetQueues(device, left);
  yield* device.releaseInterrupts(leaving);
  for (const queue of leaving) device.unlink(mdev, queue);
}

/** Steps d to f, under the locks of a write to ap_config. */
function* replace(to: Destination, wanted: ApMatrix, strict: boolean): Operation<Outcome> {
  const { device, mdev } = to;
  return yield* device.update(
    mdev,
    function* (): Operation<Outcome> {
      if (to.closed()) return 'ENODEV';
      const before = { apm: mdev.shadow.apm, aqm: mdev.shadow.aqm, adm: mdev.shadow.adm };
      const outcome = strict ? judge(to, wanted) : linkThenJudge(to, wanted);
      if (outcome !== 'ok') return outcome;
      if (strict) {
        assignMatrix(mdev, wanted);
        linkMatrix(to);
      }
      yield* exchange(to, before, strict);
      return 'ok';
    },
    [device.bus.permsLock],
  );
}

/**
 * Everything the write that completes the data does. `strict`: the list must be a full product (EINVAL), it is validated before anything is
 * linked, and every queue that leaves the guest is reset.
 */
export function* takeData(
  to: Destination,
  data: MigrationData,
  strict: boolean,
): Operation<'ok' | Errno> {
  const wanted = matrixOf(data);
  if (strict && !isFullProduct(data, wanted)) return 'EINVAL';
  const available = checkAvailable(to, data);
  if (available !== 'ok') return available;
  const compatible = checkCompatible(to, data);
  if (compatible !== 'ok') return compatible;
  return yield* replace(to, wanted, strict);
}
