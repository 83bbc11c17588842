// SPDX-License-Identifier: Apache-2.0
// The file ap_config, which replaces the whole matrix in one write.
// Source: docs/reference/vfio-ap.md sections 3.6, 3.7 and 4.1 (vfio_ap_ops.c: ap_config_store, parse_bitmap, ap_config_show).
import type { Outcome } from '../ap-bus/errno.ts';
import { andNot, bitsOf, type Mask, maskText } from '../ap-bus/mask.ts';
import { cString, hexToMask } from '../ap-bus/number-syntax.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { contended, linkAll, unplug, validate } from './assign.ts';
import { filterControlDomains, filterMatrix, resetAdapters } from './filter.ts';
import type { ApMatrix } from './matrix.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { MatrixMdev } from './mdev.ts';

/** AP_CONFIG_STRLEN: three masks of 66 characters with their separators. */
const AP_CONFIG_LENGTH = 201;

/** Parses three masks, separated by comma or newline. Whatever follows a third separator is ignored. */
function parseConfig(raw: string): ApMatrix | undefined {
  const fields = cString(raw).slice(0, AP_CONFIG_LENGTH).split(/[,\n]/);
  if (fields.length < 3) return undefined;
  const masks: Mask[] = [];
  for (const field of fields.slice(0, 3)) {
    const parsed = hexToMask(field);
    if (!parsed.ok) return undefined;
    masks.push(parsed.value);
  }
  return { apm: masks[0], aqm: masks[1], adm: masks[2] };
}

/** ap_matrix_length_check: whether all numbers are within the mdev's limits. */
function inRange(mdev: MatrixMdev, { apm, aqm, adm }: ApMatrix): boolean {
  const { apmMax, aqmMax, admMax } = mdev.limits;
  const highest = (mask: Mask): number => bitsOf(mask).at(-1) ?? 0;
  return highest(apm) <= apmMax && highest(aqm) <= aqmMax && highest(adm) <= admMax;
}

/** Write of ap_config: EINVAL, EADDRNOTAVAIL, EADDRINUSE, ENODEV, tested in this order. Either all of the matrix changes or nothing. */
export function* storeApConfig(
  device: MatrixDevice,
  mdev: MatrixMdev,
  text: string,
): Operation<Outcome> {
  if (contended(device)) return 'EAGAIN';
  const body = function* (): Operation<Outcome> {
    const wanted = parseConfig(text);
    if (wanted === undefined) return 'EINVAL';
    const outcome = validate(device, mdev, wanted.apm, wanted.aqm);
    if (outcome !== 'ok') return outcome;
    if (!inRange(mdev, wanted)) return 'ENODEV';
    yield* apply(device, mdev, wanted);
    return 'ok';
  };
  return yield* device.update(mdev, body, [device.bus.permsLock]);
}

function* apply(device: MatrixDevice, mdev: MatrixMdev, wanted: ApMatrix): Operation<void> {
  const { matrix } = mdev;
  const added = { apm: andNot(wanted.apm, matrix.apm), aqm: andNot(wanted.aqm, matrix.aqm) };
  // Numbers that are removed leave while the old matrix is still there: first adapters, then domains.
  yield* unplug(device, mdev, 'adapter', bitsOf(andNot(matrix.apm, wanted.apm)));
  yield* unplug(device, mdev, 'domain', bitsOf(andNot(matrix.aqm, wanted.aqm)));
  matrix.apm = wanted.apm;
  matrix.aqm = wanted.aqm;
  matrix.adm = wanted.adm;
  for (const apid of bitsOf(added.apm)) linkAll(device, mdev, 'adapter', apid);
  for (const apqi of bitsOf(added.aqm)) linkAll(device, mdev, 'domain', apqi);
  const { changed, filtered } = filterMatrix(device, mdev);
  const controlChanged = filterControlDomains(device, mdev);
  if (!changed && !controlChanged) return;
  device.updateGuest(mdev);
  yield* resetAdapters(device, mdev, bitsOf(filtered));
}

/** Text of ap_config: the three masks of the matrix, separated by commas. */
export function apConfigText(mdev: MatrixMdev): string {
  const { apm, aqm, adm } = mdev.matrix;
  return `${maskText(apm)},${maskText(aqm)},${maskText(adm)}\n`;
}
