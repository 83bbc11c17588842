// SPDX-License-Identifier: Apache-2.0
// The loops that drive the kernel, with views, kernel and table as module constants. Each evaluation (a query string makes
// another one) takes what bench/machine/load-driver.ts offers, so that no two benchmarks share compiled code.
// Source: docs/reference/performance.md sections 2.2 and 8 item 5. The same loops in C: bench/c/reference.c.
import { takeDriverBinding } from './driver-binding.ts';

const { image, kernel, table } = takeDriverBinding();
const { i32: I32 } = image;
const { execute, executeShared, executeTraced, run, authorized } = kernel;

// Imported numbers are not constants to the compiler; these are (section 2.2).
const GR0 = 9;
const GR4 = 17;
const GR5 = 19;
const GR6 = 21;
const GR7 = 23;
const PSW_ADDRESS_LOW = 3;
const MASKS = image.masks(1);

/** Registers of one row. Sums are 32-bit ones, as the build makes them in the kernel. */
const loadRow = (at: number): void => {
  const v = table[at];
  I32[(v + GR0) | 0] = table[(at + 2) | 0];
  I32[(v + GR4) | 0] = table[(at + 3) | 0];
  I32[(v + GR5) | 0] = table[(at + 4) | 0];
  I32[(v + GR6) | 0] = table[(at + 5) | 0];
  I32[(v + GR7) | 0] = table[(at + 6) | 0];
};

const runAll = (vcpuCount: number, count: number): number => {
  let sum = 0;
  for (let n = 0; n < vcpuCount; n++) {
    const v = table[n];
    I32[v + PSW_ADDRESS_LOW] = 0;
    sum = (sum + run(v, count)) | 0;
  }
  return sum;
};

const executeAll = (vcpuCount: number, word: number): number => {
  let sum = 0;
  for (let n = 0; n < vcpuCount; n = (n + 1) | 0) sum = (sum + execute(table[n], word)) | 0;
  return sum;
};

const drive = (rows: number): number => {
  let sum = 0;
  for (let n = 0; n < rows; n = (n + 1) | 0) {
    const at = n << 3;
    loadRow(at);
    sum = (sum + execute(table[at], table[(at + 1) | 0])) | 0;
  }
  return sum;
};

/** The same on queues that other threads use too. */
const driveShared = (rows: number): number => {
  let sum = 0;
  for (let n = 0; n < rows; n = (n + 1) | 0) {
    const at = n << 3;
    loadRow(at);
    sum = (sum + executeShared(table[at], table[(at + 1) | 0])) | 0;
  }
  return sum;
};

/** The same with a trace record each. */
const driveTraced = (rows: number): number => {
  let sum = 0;
  for (let n = 0; n < rows; n = (n + 1) | 0) {
    const at = n << 3;
    loadRow(at);
    const word = table[(at + 1) | 0];
    sum = (sum + executeTraced(table[at], word, false)) | 0;
  }
  return sum;
};

/** Answer for one word of a table of checks: guest number and APQN, 16 bits each. */
const checked = (word: number): number =>
  authorized((MASKS + ((word >>> 16) << 4)) | 0, word) >>> 31;

const checks = (count: number): number => {
  let sum = 0;
  for (let n = 0; n < count; n = (n + 1) | 0) sum = (sum + checked(table[n])) | 0;
  return sum;
};

const checksChained = (count: number): number => {
  let sum = 0;
  let bit = 0;
  for (let n = 0; n < count; n = (n + 1) | 0) {
    bit = checked(table[n ^ bit]);
    sum = (sum + bit) | 0;
  }
  return sum;
};

export const driver = {
  runAll,
  executeAll,
  drive,
  driveShared,
  driveTraced,
  checks,
  checksChained,
} as const;
export type Driver = typeof driver;
