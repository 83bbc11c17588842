// SPDX-License-Identifier: Apache-2.0
// What the destination does with complete data: it checks that the queues are there, compatible, and nobody else's, then replaces the
// mdev's matrix.
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

/** A host, and the mdev that resumes on it. */
export interface Destination {
  readonly device: MatrixDevice;
  readonly mdev: MatrixMdev;
  /** Whether the device was closed meanwhile, so that nothing may be changed any more. */
  readonly closed: () => boolean;
}

const log = ({ device, mdev }: Destination, text: string): void =>
  device.bus.journal.write('kernel', 'warn', `vfio_ap_mdev ${mdev.uuid}: ${text}`);

/**
 * The matrix with all APIDs and APQIs that occur. If the queues are not their full product, the matrix contains more APQNs than the data.
 */
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

/** Steps a and b: are the queues bound to vfio_ap, and does the host have the control domains? All that is missing is reported. */
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

/** Step c: is each queue compatible? If several are not, the last error is returned. */
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

/** Whether the host has every number, by a new QCI. */
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

/** Links every bound queue of the mdev's matrix. As in the posted code, a queue of another mdev is taken from it. */
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
 * Defect of the posted code: it links before it validates. A matrix that is then refused has already taken queues from other mdevs, and
 * they do not get them back.
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

/** Filters, writes the masks once, then resets queues. */
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
  // Defect of the posted code: it looks at adapters alone, so that it resets nothing if only domains have left.
  const adaptersLeft = !isEmpty(andNot(before.apm, shadow.apm));
  if (left.length > 0 && (strict || adaptersLeft)) yield* resetQueues(device, left);
  yield* device.releaseInterrupts(leaving);
  for (const queue of leaving) device.unlink(mdev, queue);
}

/** Steps d to f, under the locks that a write to ap_config takes. */
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
 * All that the write which completes the data does. With `strict`, the list must be a full product (EINVAL), it is validated before
 * anything is linked, and every queue that leaves the guest is reset.
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
