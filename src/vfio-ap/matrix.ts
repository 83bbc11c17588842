// SPDX-License-Identifier: Apache-2.0
// An AP matrix (adapters x domains, control domains) and how it is printed.
// Source: docs/reference/vfio-ap.md sections 1.2 and 3.6 (vfio_ap_ops.c: vfio_ap_matrix_init, vfio_ap_mdev_matrix_show).

import {
  MAX_ADAPTER_WITHOUT_APXA,
  MAX_DOMAIN_WITHOUT_APXA,
  PAGE_BYTES,
} from '../../native-like/arch/limits.ts';
import { QCI_FLAG_N } from '../../native-like/arch/qci.ts';
import { hex } from '../ap-bus/apqn.ts';
import type { QciInfo } from '../ap-bus/host-qci.ts';
import { bitsOf, emptyMask, type Mask } from '../ap-bus/mask.ts';

/** The two axes of a matrix along which numbers are assigned. */
export type Axis = 'adapter' | 'domain';

export interface ApMatrix {
  apm: Mask;
  aqm: Mask;
  adm: Mask;
}

/** Highest numbers that a matrix may contain. */
export interface MatrixLimits {
  readonly apmMax: number;
  readonly aqmMax: number;
  readonly admMax: number;
}

export const emptyMatrix = (): ApMatrix => ({
  apm: emptyMask(),
  aqm: emptyMask(),
  adm: emptyMask(),
});

/** vfio_ap_matrix_init. */
export function limitsOf(info: QciInfo): MatrixLimits {
  return (info.flags & QCI_FLAG_N) !== 0
    ? { apmMax: info.na, aqmMax: info.nd, admMax: info.nd }
    : {
        apmMax: MAX_ADAPTER_WITHOUT_APXA,
        aqmMax: MAX_DOMAIN_WITHOUT_APXA,
        admMax: MAX_DOMAIN_WITHOUT_APXA,
      };
}

/** Text of `matrix` and `guest_matrix`: one line for each APQN; if one axis is empty, one for each number of the other. */
export function matrixText(matrix: ApMatrix, limits: MatrixLimits): string {
  const apids = bitsOf(matrix.apm, limits.apmMax);
  const apqis = bitsOf(matrix.aqm, limits.aqmMax);
  if (apids.length === 0) return apqis.map((apqi) => `.${hex(apqi, 4)}\n`).join('');
  if (apqis.length === 0) return apids.map((apid) => `${hex(apid, 2)}.\n`).join('');
  const domains = apqis.map((apqi) => `${hex(apqi, 4)}\n`);
  let text = '';
  for (const apid of apids) {
    const adapter = `${hex(apid, 2)}.`;
    for (const domain of domains) text += adapter + domain;
    if (text.length > PAGE_BYTES) break;
  }
  return text;
}

/** Text of `control_domains`: one line for each number. */
export function controlDomainsText(matrix: ApMatrix, limits: MatrixLimits): string {
  return bitsOf(matrix.adm, limits.admMax)
    .map((n) => `${hex(n, 4)}\n`)
    .join('');
}
