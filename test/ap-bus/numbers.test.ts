// SPDX-License-Identifier: Apache-2.0
// Section 3.1: numbers, booleans and masks with their corner cases.
import { describe, expect, it } from 'vitest';
import { bitsOf, fullMask, maskOf, maskText } from '../../src/ap-bus/mask.ts';
import {
  hexToMask,
  kstrtobool,
  kstrtoul,
  parseMask,
  scanInt,
  sysfsEquals,
} from '../../src/ap-bus/number-syntax.ts';

const outcome = (r: { ok: boolean; value?: unknown; errno?: string }) => (r.ok ? r.value : r.errno);

describe('a number with base from its prefix', () => {
  it.each<[string, number | string]>([
    ['5', 5],
    ['5\n', 5],
    ['+5\n', 5],
    ['0x1f', 31],
    ['0X1F\n', 31],
    ['010', 8],
    ['00', 0],
    ['0xffffffffffffffff', Number.MAX_SAFE_INTEGER],
    ['5\0garbage', 5],
    ['', 'EINVAL'],
    ['\n', 'EINVAL'],
    ['-1', 'EINVAL'],
    ['++5', 'EINVAL'],
    ['0x', 'EINVAL'],
    ['0xg', 'EINVAL'],
    ['08', 'EINVAL'],
    [' 5', 'EINVAL'],
    ['5 ', 'EINVAL'],
    ['5\n\n', 'EINVAL'],
    ['5,6', 'EINVAL'],
    ['five', 'EINVAL'],
    ['0x10000000000000000', 'ERANGE'],
    ['99999999999999999999zzz', 'ERANGE'],
  ])('%j gives %s', (text, expected) => {
    expect(outcome(kstrtoul(text))).toBe(expected);
  });
});

describe('a boolean by its first characters', () => {
  it.each<[string, boolean | string]>([
    ['y', true],
    ['Yes', true],
    ['true', true],
    ['1', true],
    ['on', true],
    ['ON\n', true],
    ['oN', true],
    ['n', false],
    ['False', false],
    ['0', false],
    ['off', false],
    ['oF', false],
    ['o', 'EINVAL'],
    ['2', 'EINVAL'],
    ['', 'EINVAL'],
    [' 1', 'EINVAL'],
  ])('%j gives %s', (text, expected) => {
    expect(outcome(kstrtobool(text))).toBe(expected);
  });
});

describe('a scanned int', () => {
  it.each<[string, 0 | 10, number | string]>([
    ['30', 10, 30],
    ['  30xyz', 10, 30],
    ['\n\t30', 10, 30],
    ['-1', 10, -1],
    ['0x10', 10, 0],
    ['0x10', 0, 16],
    ['010', 0, 8],
    ['4294967326', 10, 30],
    ['+30', 10, 'EINVAL'],
    ['x', 10, 'EINVAL'],
    ['', 10, 'EINVAL'],
    ['-', 10, 'EINVAL'],
  ])('%j in base %i gives %s', (text, base, expected) => {
    expect(outcome(scanInt(text, base))).toBe(expected);
  });
});

describe('an absolute mask', () => {
  it.each<[string, readonly number[] | string]>([
    ['0x', []],
    ['', []],
    ['\n', []],
    ['x8', [0]],
    ['0x8', [0]],
    ['8', [0]],
    ['0x06', [5, 6]],
    ['0x0600\n', [5, 6]],
    [`0x${'0'.repeat(63)}1`, [255]],
    [`0x${'0'.repeat(64)}1`, 'EINVAL'],
    ['0X06', 'EINVAL'],
    ['xx8', 'EINVAL'],
    ['0x06 ', 'EINVAL'],
    [' 0x06', 'EINVAL'],
    ['0x06\n\n', 'EINVAL'],
    ['0xg', 'EINVAL'],
  ])('%j has the bits %j', (text, expected) => {
    const parsed = hexToMask(text);
    expect(parsed.ok ? bitsOf(parsed.value) : parsed.errno).toEqual(expected);
  });

  it('is printed with 0x and 64 lower-case digits', () => {
    expect(maskText(maskOf([5, 6, 255]))).toBe(`0x06${'0'.repeat(61)}1`);
  });
});

describe('a relative mask', () => {
  it.each<[string, readonly number[] | string]>([
    ['+5', [1, 5]],
    ['-1', []],
    ['+5,+6,-1\n', [5, 6]],
    ['+5+6', [1, 5, 6]],
    ['+5-7', [1, 5, 6, 7]],
    ['+0x10-0x11,\n,-1', [16, 17]],
    ['+010', [1, 8]],
    ['+5,-5', [1]],
    ['-5,+5', [1, 5]],
    ['+18446744073709551616', [0, 1]],
    ['+256', 'EINVAL'],
    ['+7-5', 'EINVAL'],
    ['+5-256', 'EINVAL'],
    ['+', 'EINVAL'],
    ['+5,6', 'EINVAL'],
    ['+5 ', 'EINVAL'],
    ['+5-', 'EINVAL'],
    ['+-5', 'EINVAL'],
    ['+08', 'EINVAL'],
    ['+0x', 'EINVAL'],
  ])('%j applied to {1} gives %j', (text, expected) => {
    const parsed = parseMask(text, maskOf([1]));
    expect(parsed.ok ? bitsOf(parsed.value) : parsed.errno).toEqual(expected);
  });

  it('leaves the mask it started from alone', () => {
    const start = fullMask();
    parseMask('-0-255', start);
    expect(bitsOf(start)).toHaveLength(256);
  });
});

describe('a device name', () => {
  it.each<[string, boolean]>([
    ['05.0004', true],
    ['05.0004\n', true],
    ['05.0004\n\n', false],
    ['05.0004 ', false],
    ['05.000', false],
  ])('%j is 05.0004: %s', (text, expected) => {
    expect(sysfsEquals('05.0004', text)).toBe(expected);
  });
});
