// SPDX-License-Identifier: Apache-2.0
// Kinds of values a configuration is made of: each says in `expected` what a reader would want to be told.
// Source: docs/design.md section 5.

import Type from 'typebox';
import { DURATION_PATTERN, MEMORY_PATTERN } from './units.ts';

/** Highest adapter and domain number. Source: ap-architecture.md section 1.2. */
export const MAX_APID = 255;
export const MAX_APQI = 255;
export const closed = { additionalProperties: false } as const;
/** A mapping whose keys make sense only together: after one mistake in it, nothing more is reported about it. */
export const together = { ...closed, together: true } as const;
export const whole = (minimum: number, maximum: number, expected: string) =>
  Type.Integer({ minimum, maximum, expected: `${expected}, ${minimum} to ${maximum}` });
export const hexadecimal = (maximum: number, expected: string) =>
  Type.Integer({ minimum: 0, maximum, expected: `${expected}, 0 to 0x${maximum.toString(16)}` });
export const word = <const T extends string>(values: readonly T[]) =>
  Type.Unsafe<T>({ type: 'string', enum: values, expected: `one of ${values.join(', ')}` });
export const flag = Type.Boolean({ expected: 'true or false' });
export const duration = Type.Union([Type.String({ pattern: DURATION_PATTERN }), Type.Literal(0)], {
  expected: 'a time with its unit, such as 100us, 5ms, 1s, or 0',
});
export const size = Type.Union(
  [Type.String({ pattern: MEMORY_PATTERN }), Type.Integer({ minimum: 0, maximum: 2 ** 40 })],
  { expected: 'a size, such as 512KiB, 16MiB or 1GiB' },
);
export const text = (expected: string) => Type.String({ minLength: 1, expected });
export const onOff = Type.Union([Type.Boolean(), Type.Literal('on'), Type.Literal('off')], {
  expected: 'on or off',
});
/** A key that is an adapter or domain number. */
export const numberKey = Type.String({ pattern: '^(0[xX][0-9a-fA-F]+|[0-9]+)$' });
const apids = Type.Array(whole(0, MAX_APID, 'an adapter number'), {
  expected: 'a list of adapter numbers, such as [5, 0x06]',
});
export const apqis = Type.Array(whole(0, MAX_APQI, 'a domain number'), {
  expected: 'a list of domain numbers, such as [4, 0xab]',
});

/** The numbers of a passthrough mdev, or the real numbers behind those of a virtual one. */
const mapped = <const L extends typeof apids>(list: L, noun: string, example: string) =>
  Type.Union([list, Type.Record(numberKey, list, { ...closed, expectedKey: `a ${noun} number` })], {
    byKind: true,
    expected: `a list of ${noun} numbers, or with type: virtual a mapping of ${noun} numbers to lists of real ones, such as ${example}`,
  });
export const mappedApids = mapped(apids, 'adapter', '{ 4: [3, 22] }');
export const mappedApqis = mapped(apqis, 'domain', '{ 0: [8, 0x47] }');
