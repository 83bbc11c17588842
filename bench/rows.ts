// SPDX-License-Identifier: Apache-2.0
// The rows of the benchmark table: what is measured, in which unit, against what, and the target.
// Source: targets of docs/reference/performance.md section 7 and of the project's issue on benchmarks.
import type { Finding } from './findings.ts';

export interface Row {
  readonly id: string;
  readonly operation: string;
  /** Of the value. */
  readonly unit: string;
  /** What the ratio is to; absent where there is none. */
  readonly base?: string;
  /** As printed; absent for rows that inform only. */
  readonly target?: string;
  readonly holds?: (finding: Finding) => boolean;
}

const C = 'C';

/** Target: ratio to C, or to another base, at most `most`. */
const ratioAtMost = (
  id: string,
  operation: string,
  most: number | undefined,
  base = C,
  unit = 'ns',
): Row => ({
  id,
  operation,
  unit,
  base,
  ...(most === undefined
    ? {}
    : { target: `<= ${most} of ${base}`, holds: ({ ratio = Number.NaN }) => ratio <= most }),
});

const valueAtMost = (id: string, operation: string, unit: string, most?: number): Row => ({
  id,
  operation,
  unit,
  ...(most === undefined
    ? {}
    : { target: `<= ${most} ${unit}`, holds: ({ value }) => value <= most }),
});

/** A ratio to OpenSSL with imported keys, without a target. */
const informs = (id: string, operation: string, unit: string): Row => ({
  id,
  operation,
  unit,
  base: 'OpenSSL',
});

/** Bytes an instruction that are not an allocation: what the counters themselves leave, spread over millions. */
const NO_BYTES = 0.01;

const allocationRow = (id: string, operation: string): Row => ({
  id,
  operation,
  unit: 'bytes',
  target: '0 bytes, 0 collections',
  holds: ({ value, detail }) => value < NO_BYTES && detail?.['collections'] === 0,
});

const masksRow = (id: string, operation: string, most: number): Row => ({
  id,
  operation,
  unit: 'us',
  target: `<= ${most} us, 0 stale`,
  holds: ({ value, detail }) => value <= most && detail?.['stale'] === 0,
});

/** JavaScript must reach 1.9 only where C, in the same rounds, shows that two cores were there. */
const CONTROL = 1.95;
const SCALING = 1.9;

export const ROWS: readonly Row[] = [
  ratioAtMost('check-random-1', 'APM and AQM check, 1 guest', 1.35),
  ratioAtMost('check-random-64', 'APM and AQM check, 64 guests', 1.35),
  ratioAtMost('check-random-4096', 'APM and AQM check, 4,096 guests', 1.35),
  ratioAtMost('check-random-65536', 'APM and AQM check, 65,536 guests (cold)', 1.35),
  ratioAtMost('check-chained-1', 'check that waits for the one before, 1 guest', undefined),
  ratioAtMost('check-chained-65536', 'the same, 65,536 guests (cold)', undefined),
  ratioAtMost('tapq-loop-1', 'TAPQ in the run loop, 1 vCPU', 1.3),
  ratioAtMost('tapq-loop-64', 'TAPQ in the run loop, 64 vCPUs', 1.3),
  ratioAtMost('tapq-call-1', 'TAPQ by call, 1 vCPU', undefined),
  ratioAtMost('tapq-call-64', 'TAPQ by call, 64 vCPUs at random', undefined),
  ratioAtMost('tapq-call-4096', 'TAPQ by call, 4,096 vCPUs at random', undefined),
  ratioAtMost('tapq-call-65536', 'TAPQ by call, 65,536 vCPUs and queues (cold)', undefined),
  ratioAtMost('refused-tapq', 'TAPQ refused by the masks', 1.5),
  ratioAtMost('refused-nqap', 'NQAP refused by the masks', 1.5),
  ratioAtMost('refused-dqap', 'DQAP refused by the masks', 1.5),
  ratioAtMost('specification', 'specification exception', 1.5),
  ratioAtMost('privileged', 'privileged-operation exception', 1.5),
  ratioAtMost('messages-64', 'NQAP + DQAP, 64 B', 1.9),
  ratioAtMost('messages-256', 'NQAP + DQAP, 256 B', undefined),
  ratioAtMost('messages-3K', 'NQAP + DQAP, 3 KiB', 1.2),
  ratioAtMost('messages-12K', 'NQAP + DQAP, 12 KiB', 1.15),
  ratioAtMost('mixed-64', 'mixed stream, 64 B', 2.4),
  ratioAtMost('mixed-3K', 'mixed stream, 3 KiB', undefined),
  ratioAtMost('mixed-12K', 'mixed stream, 12 KiB', 1.15),
  allocationRow('allocation-loop', 'allocation by an instruction, TAPQ in the run loop'),
  allocationRow('allocation-mixed', 'allocation by an instruction, mixed stream'),
  ratioAtMost('protection', 'protection against mask changes, a TAPQ', 1.05, 'none'),
  ratioAtMost('trace-mixed', 'trace record an instruction, mixed stream of 64 B', 1.5, 'off'),
  ratioAtMost('trace-tapq', 'the same, TAPQ alone', undefined, 'off'),
  {
    id: 'scaling-disjoint',
    operation: 'two workers on queues of their own: speed-up',
    unit: 'x',
    base: C,
    target: `>= 0.95 of ${C}; >= ${SCALING} when ${C} has ${CONTROL}`,
    holds: ({ value, ratio = Number.NaN, detail }) =>
      ratio >= 0.95 && (value >= SCALING || (detail?.['referenceScaling'] ?? 0) < CONTROL),
  },
  {
    id: 'scaling-one-queue',
    operation: 'two workers on one queue: speed-up',
    unit: 'x',
    base: C,
    target: `not below ${C}`,
    holds: ({ ratio = Number.NaN }) => ratio >= 1,
  },
  ratioAtMost('aqic-in-place', 'intercepted AQIC, in place', 1 / 200, 'echo', 'us'),
  ratioAtMost('aqic-forwarded', 'intercept forwarded to the host side', 1.1, 'echo', 'us'),
  ratioAtMost('interruption', 'interruption of a vCPU by a reply', undefined, 'polled'),
  masksRow('masks-spare', 'mask change, 16 running vCPUs, spare core', 5),
  masksRow('masks-oversubscribed', 'mask change, 16 running vCPUs, oversubscribed', 50),
  valueAtMost('image-time', 'machine image of 256 x 256 queues', 'ms', 100),
  valueAtMost('image-memory', 'its memory, without messages', 'MiB', 64),
  valueAtMost('memory-guest', 'image bytes of a guest with one vCPU', 'bytes', 1024),
  valueAtMost('memory-vcpu', 'image bytes of one more vCPU', 'bytes'),
  valueAtMost('memory-queue', 'image bytes of a queue', 'bytes'),
  valueAtMost('checkpoint-256', 'checkpoint of a machine, 16 queues, 256 B', 'us', 20),
  valueAtMost('back-256', 'back to it', 'us', 20),
  valueAtMost('checkpoint-12K', 'checkpoint of a machine, 16 queues, 12 KiB', 'us', 200),
  valueAtMost('back-12K', 'back to it', 'us', 200),
  valueAtMost('back-storage', 'back to it, with 1 MiB of storage', 'us'),
  valueAtMost('save', 'saveMachine, 16 queues, 12 KiB', 'us'),
  valueAtMost('restore', 'restoreMachine', 'us'),
  {
    id: 'programs',
    operation: 'AP program, stepped, expectations checked',
    unit: 'M/s',
    target: '>= 1 M/s',
    holds: ({ value }) => value >= 1,
  },
  {
    id: 'fuzz-counted',
    operation: 'apemu fuzz, ten requests a case, coverage on',
    unit: '/s',
    base: 'coverage off',
    target: '>= 5,000 /s',
    holds: ({ value }) => value >= 5000,
  },
  {
    id: 'fuzz-c',
    operation: 'the same, a driver in C (examples/c-driver)',
    unit: '/s',
    base: 'reference driver',
    target: '>= 20,000 /s',
    holds: ({ value }) => value >= 20_000,
  },
  {
    id: 'fuzz-kernel',
    operation: 'the same, a stock kernel under QEMU',
    unit: '/s',
    base: 'reference driver',
  },
  {
    id: 'fuzz-changed',
    operation: 'the reference driver, with what a campaign does to a case',
    unit: '/s',
    base: 'nothing',
  },
  {
    id: 'fuzz-plain',
    operation: 'ten requests a case, coverage off',
    unit: '/s',
    base: 'new machine',
  },
  {
    id: 'rsa-2048-crt',
    operation: 'RSA-2048 CRT through NQAP/DQAP, all cores',
    unit: '/s',
    base: 'OpenSSL',
    target: '>= 0.8 of OpenSSL',
    holds: ({ ratio = Number.NaN }) => ratio >= 0.8,
  },
  valueAtMost('rsa-key-cache', 'of these, keys found in the cache', '%'),
  informs('rsa-2048-crt-at-once', 'the same on half of the cores, OpenSSL on the rest', '/s'),
  informs('rsa-2048-crt-new-key', 'RSA-2048 CRT, key never seen before, one thread', '/s'),
  ratioAtMost('virtual-tapq', 'intercepted TAPQ on a virtual queue', undefined, 'own'),
  ratioAtMost('virtual-64', 'NQAP + DQAP on a virtual queue, 64 B', undefined, 'own'),
  ratioAtMost('virtual-3K', 'NQAP + DQAP on a virtual queue, 3 KiB', undefined, 'own'),
  ...[2, 8].flatMap((guests): Row[] => [
    {
      id: `virtual-throughput-${guests}`,
      operation: `${guests} guests on one card, messages of all to those of one alone`,
      unit: 'x',
      target: '>= 0.9',
      holds: ({ value }) => value >= 0.9,
    },
    valueAtMost(`virtual-shares-${guests}`, 'their largest share to the smallest', 'x', 1.1),
  ]),
  valueAtMost('virtual-flood', 'p99 beside a guest that floods, to p99 alone', 'x', 3),
  valueAtMost('start-small', 'machine start, 16 queues, 2 guests', 'ms'),
  valueAtMost('start-largest', 'machine start, 256 x 256 queues', 'ms', 1000),
  valueAtMost('assign-adapter', 'assign_adapter, 256 x 256 queues, 64 mdevs', 'ms', 2),
];

/** Whether a target holds; undefined for rows that inform only. */
export const holds = (row: Row, finding: Finding): boolean | undefined => row.holds?.(finding);

/** Whether the verdict is another one at the other end of the spread. */
export const isClose = (row: Row, finding: Finding): boolean => {
  const [least, most] = finding.spread.map((end) =>
    holds(row, { ...finding, ...(finding.ratio === undefined ? { value: end } : { ratio: end }) }),
  );
  return least !== most;
};
