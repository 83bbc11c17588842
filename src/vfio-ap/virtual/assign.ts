// SPDX-License-Identifier: Apache-2.0
// The files assign_adapter, assign_domain and their opposites, for a virtual mdev.
// Source: docs/reference/vfio-ap.md section 8.3 (V-04, V-14); decision VD-52.

import { type Apqn, apqnOf } from '../../ap-bus/apqn.ts';
import type { Outcome } from '../../ap-bus/errno.ts';
import { bitsOf, type Mask } from '../../ap-bus/mask.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { contended, validate } from '../assign.ts';
import type { Axis } from '../matrix.ts';
import type { MatrixDevice } from '../matrix-device.ts';
import { resetQueues } from '../reset.ts';
import {
  type AxisMap,
  parseMapping,
  realMask,
  type VirtualMap,
  virtualApqns,
  withMapping,
  withoutMapping,
} from './map.ts';
import type { VirtualMdev } from './mdev.ts';

/**
 * Nanoseconds between two looks of a removal whether the real queue's last message has come back, and nanoseconds after which it gives
 * up.
 */
const DRAIN_POLL_NS = 1_000_000;
const DRAIN_LIMIT_NS = 5_000_000_000;

const replaced = (map: VirtualMap, axis: Axis, numbers: AxisMap): VirtualMap => ({
  ...map,
  [axis]: numbers,
});

const outOfRange = (mdev: VirtualMdev, axis: Axis, numbers: readonly number[]): boolean => {
  const max = axis === 'adapter' ? mdev.limits.apmMax : mdev.limits.aqmMax;
  return numbers.some((n) => n > max);
};

/** Write of `v:r[,r…]`: EINVAL, ERANGE, ENODEV, EADDRNOTAVAIL, EADDRINUSE, ENOSPC. Real numbers that are assigned already are no error. */
export function* assignMapping(
  device: MatrixDevice,
  mdev: VirtualMdev,
  axis: Axis,
  text: string,
): Operation<Outcome> {
  const parsed = parseMapping(text);
  if (!parsed.ok) return parsed.errno;
  const mapping = parsed.value;
  if (mapping.real.length === 0) return 'EINVAL';
  if (contended(device)) return 'EAGAIN';
  return yield* device.update(mdev, (): Outcome => {
    if (outOfRange(mdev, axis, [mapping.virtual, ...mapping.real])) return 'ENODEV';
    const next = replaced(mdev.map, axis, withMapping(mdev.map[axis], mapping));
    const outcome = validate(device, mdev, realMask(next.adapter), realMask(next.domain));
    if (outcome !== 'ok') return outcome;
    const added = virtualApqns(next).length - virtualApqns(mdev.map).length;
    if (added > device.virtualQueues.left) return 'ENOSPC';
    mdev.take(next);
    device.updateVirtual(mdev);
    return 'ok';
  }, [device.bus.permsLock]);
}

/** Write of `v` (all its real numbers) or `v:r[,r…]`: EINVAL, ERANGE, ENODEV. Numbers that are not assigned are no error. */
export function* unassignMapping(
  device: MatrixDevice,
  mdev: VirtualMdev,
  axis: Axis,
  text: string,
): Operation<Outcome> {
  const parsed = parseMapping(text);
  if (!parsed.ok) return parsed.errno;
  const { virtual, real } = parsed.value;
  return yield* device.update(mdev, function* (): Operation<Outcome> {
    if (outOfRange(mdev, axis, [virtual, ...real])) return 'ENODEV';
    const { apm, aqm } = mdev.matrix;
    mdev.take(replaced(mdev.map, axis, withoutMapping(mdev.map[axis], parsed.value)));
    device.updateVirtual(mdev);
    yield* releaseReal(device, apm, aqm);
    return 'ok';
  });
}

/**
 * Zeroizes the real queues of these adapters and domains that are not behind any virtual mdev any more, after their last messages have
 * come back.
 */
export function* releaseReal(device: MatrixDevice, apm: Mask, aqm: Mask): Operation<void> {
  const left = [...apqnsOf(apm, aqm)].filter(
    (apqn) => device.queues[apqn] !== undefined && device.virtualMdevsOf(apqn).length === 0,
  );
  const busy = (): boolean => left.some((apqn) => device.virtualQueues.underWay(apqn) > 0);
  for (let waited = 0; busy() && waited < DRAIN_LIMIT_NS; waited += DRAIN_POLL_NS)
    yield { waitNs: DRAIN_POLL_NS };
  const queues = left.map((apqn) => device.queues[apqn]).filter((queue) => queue !== undefined);
  if (queues.length > 0) yield* resetQueues(device, queues);
}

function* apqnsOf(apm: Mask, aqm: Mask): Generator<Apqn> {
  for (const apid of bitsOf(apm)) for (const apqi of bitsOf(aqm)) yield apqnOf(apid, apqi);
}
