// SPDX-License-Identifier: Apache-2.0
// Compatibility of one queue: docs/reference/migration.md section 6, each row and each text.
import { describe, expect, it } from 'vitest';
import { incompatibilities } from '../../src/vfio-ap/migration/compatibility.ts';

const source = (high: number, low = 0x0e000007) => ({ apqn: 0x0504, high, low });
const HEAD = 'Migration failed: Source and target queue (05.0004) not compatible';
const BASE = 0xb2000000;
const NAME = '05.0004';

describe('facility bits 0 to 7 must be equal:', () => {
  it.each([
    [0, 'APSC facility', 'installed'],
    [1, 'mex4k facility', 'installed'],
    [2, 'crt4k facility', 'installed'],
    [3, 'Coprocessor-mode facility', 'installed'],
    [4, 'Accelerator-mode facility', 'installed'],
    [5, 'XCP-mode facility', 'installed'],
    [6, 'AP-extended-addressing (APXA) facility', 'installed'],
    [7, 'Stateless-command-filtering (SLCF)', 'available'],
  ])('bit %i, %s', (bit, what, verb) => {
    const on = (BASE | (0x80000000 >>> bit)) >>> 0;
    const off = (BASE & ~(0x80000000 >>> bit)) >>> 0;
    expect(incompatibilities(source(on), source(on))).toEqual([]);
    expect(incompatibilities(source(on), source(off))).toEqual([
      HEAD,
      `${what} ${verb} in source queue ${NAME}`,
      `${what} not ${verb} in target queue ${NAME}`,
    ]);
    expect(incompatibilities(source(off), source(on))).toEqual([
      HEAD,
      `${what} not ${verb} in source queue ${NAME}`,
      `${what} ${verb} in target queue ${NAME}`,
    ]);
  });
});

it('class bit 8: equal, or 0 at the source and 1 at the destination', () => {
  const full = BASE | 0x00800000;
  expect(incompatibilities(source(BASE), source(full))).toEqual([]);
  expect(incompatibilities(source(full), source(full))).toEqual([]);
  expect(incompatibilities(source(full), source(BASE))).toEqual([
    HEAD,
    `Full native card function available on source queue ${NAME}`,
    `Only stateless functions available on target queue ${NAME}`,
  ]);
});

it.each([
  [0, 0, true],
  [1, 0, false],
  [0, 3, false],
  [1, 1, false],
  [3, 3, false],
])('bind states %i and %i: compatible %s, whatever else is equal', (from, to, compatible) => {
  const lines = incompatibilities(source(BASE | (from << 14)), source(BASE | (to << 14)));
  const text = `Bind/associate state for source (${from}) and target (${to}) queue ${NAME} must be 0`;
  expect(lines).toEqual(compatible ? [] : [HEAD, text]);
});

it.each([
  [0x0c, 0x0e, true],
  [0x0e, 0x0e, true],
  [0x0e, 0x0d, false],
])('AP type %i to %i: compatible %s', (from, to, compatible) => {
  const lines = incompatibilities(source(BASE, from << 24), source(BASE, to << 24));
  const text = 'AP type of source (0e) not compatible with target (0d)';
  expect(lines).toEqual(compatible ? [] : [HEAD, text]);
});

it('nd, ml and qd are not looked at, nor class bits 9 to 15', () => {
  expect(
    incompatibilities(source(BASE, 0x0e55ff07), source(BASE | 0x007f0000, 0x0e000001)),
  ).toEqual([]);
});

it('several differences are told in the order of the table', () => {
  const lines = incompatibilities(source(0xff804000, 0x0e000000), source(0, 0x0d000000));
  expect(lines).toHaveLength(1 + 16 + 1 + 1 + 2);
  expect(lines[17]).toBe('AP type of source (0e) not compatible with target (0d)');
  expect(lines[18]).toContain('Bind/associate state');
  expect(lines[19]).toContain('Full native card function');
});
