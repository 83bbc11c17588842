// SPDX-License-Identifier: Apache-2.0
// The shape of a file with several machines.
// Source: docs/design.md section 5.

import Type from 'typebox';
import { GUEST_NAME } from './schema.ts';
import { closed } from './schema-parts.ts';

/** A file with several machines. Under each name there is a configuration. */
export const ClusterSchema = Type.Object(
  {
    apemu: Type.Literal(1, { expected: '1, the version of this format' }),
    machines: Type.Record(
      Type.String({ pattern: GUEST_NAME }),
      Type.Object({}, { expected: 'a mapping with machine, host, guests, faults' }),
      { ...closed, expectedKey: "a machine's name: a letter, then letters, digits, _ or -" },
    ),
  },
  closed,
);
