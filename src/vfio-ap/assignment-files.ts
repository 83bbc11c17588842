// SPDX-License-Identifier: Apache-2.0
// The four files by which adapters and domains are assigned, for mdevs of both types.
// Source: docs/reference/vfio-ap.md section 3.6.
import { type Attribute, WRITE_ONLY } from '../ap-bus/attribute.ts';
import type { Outcome } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { Axis } from './matrix.ts';

/** Carries out a write to one of the files. */
type Change<T> = (target: T, axis: Axis, text: string) => Outcome | Operation<Outcome>;

/** Rows of the files `assign_adapter`, `unassign_adapter`, `assign_domain` and `unassign_domain`. */
export const assignmentFiles = <T>(assign: Change<T>, unassign: Change<T>): Attribute<T>[] =>
  (['adapter', 'domain'] as const).flatMap((axis) => [
    {
      name: `assign_${axis}`,
      mode: WRITE_ONLY,
      store: (target: T, text: string) => assign(target, axis, text),
    },
    {
      name: `unassign_${axis}`,
      mode: WRITE_ONLY,
      store: (target: T, text: string) => unassign(target, axis, text),
    },
  ]);
