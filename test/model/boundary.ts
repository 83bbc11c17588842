// SPDX-License-Identifier: Apache-2.0
// CC 2: how many bytes one execution of NQAP or DQAP moves before a segment boundary.
// Source: ap-architecture.md 1.8, 1.9, AD-18.

import type { Model } from './model.ts';

/** Bytes moved by this execution, at most `bytes`. */
export function segment(model: Model, address: number, bytes: number): number {
  const boundary = model.machine.cc2;
  if (boundary === undefined || model.defect('no-cc-2')) return bytes;
  const next =
    boundary.at === 'progress' ? boundary.bytes : boundary.bytes - (address % boundary.bytes);
  return Math.min(bytes, next);
}
