// SPDX-License-Identifier: Apache-2.0
// Tries every response code at every AP instruction that a running kernel executes, and makes a table in Markdown of what Linux did.

import { RESPONSE_CODES } from '../../../native-like/arch/response-codes.ts';
import { configFromObject } from '../../config/load.ts';
import type { GuestImage } from '../guest-image/build.ts';
import type { ServeOptions } from '../serve.ts';
import {
  BURST,
  type Observation,
  PROBE_CONFIG,
  Probe,
  type ProbedInstruction,
  QUIET_SECONDS,
  SCAN_SECONDS,
  TRIGGERS,
} from './probe.ts';

/** Instructions in the order of the table. */
const PROBED = Object.keys(TRIGGERS) as readonly ProbedInstruction[];

/** One case and its outcome. Without an observation, the guest did not survive, and `console` has its last lines. */
export interface ResponseCodeCase {
  readonly on: ProbedInstruction;
  readonly rc: number;
  readonly observed: Observation | undefined;
  readonly console: string;
}

/** The table of one kernel. */
export interface KernelTable {
  readonly kernel: string;
  readonly cases: readonly ResponseCodeCase[];
}

const LAST_LINES = 40;

/** What to try, and who is told of it. */
export interface ProbeOptions extends Pick<ServeOptions, 'log' | 'signal'> {
  /** Response codes; default all of the architecture's table but 00. */
  readonly codes?: readonly number[];
  readonly instructions?: readonly ProbedInstruction[];
}

/** Tries the cases one by one on one guest. After a case that the guest does not survive, a new guest is booted. */
export async function probeResponseCodes(
  image: GuestImage,
  options: ProbeOptions = {},
): Promise<KernelTable> {
  const { log = () => {}, signal, codes = allCodes(), instructions = PROBED } = options;
  const { config } = configFromObject(PROBE_CONFIG);
  const cases: ResponseCodeCase[] = [];
  let probe = await Probe.boot(config, image, signal);
  const kernel = await probe.kernel();
  try {
    for (const on of instructions) {
      for (const rc of codes) {
        const outcome = await probeOne(probe, on, rc);
        signal?.throwIfAborted();
        cases.push(outcome);
        log(formatRow(outcome));
        const { observed } = outcome;
        if (observed !== undefined && observed.recoveryMs >= 0) continue;
        await probe.close();
        probe = await Probe.boot(config, image, signal);
      }
    }
  } finally {
    await probe.close();
  }
  return { kernel, cases };
}

async function probeOne(
  probe: Probe,
  on: ProbedInstruction,
  rc: number,
): Promise<ResponseCodeCase> {
  try {
    return { on, rc, observed: await probe.observe(on, rc), console: '' };
  } catch {
    const last = probe.text.split('\n').slice(-LAST_LINES).join('\n');
    return { on, rc, observed: undefined, console: last };
  }
}

function allCodes(): number[] {
  const codes = RESPONSE_CODES.map((row) => row.code).filter((code) => code !== 0);
  return [...new Set(codes)].sort((a, b) => a - b);
}

const HEADING = [
  '| instruction | RC | met | requests right | others | state after | works again | kernel log |',
  '|---|---|---|---|---|---|---|---|',
];

/** Error numbers with which Linux answers requests. Source: include/uapi/asm-generic/errno-base.h, errno.h. */
const ERRNO_NAMES: Readonly<Record<number, string>> = {
  5: 'EIO',
  11: 'EAGAIN',
  19: 'ENODEV',
  22: 'EINVAL',
  95: 'EOPNOTSUPP',
  110: 'ETIMEDOUT',
};

function formatRow({ on, rc, observed }: ResponseCodeCase): string {
  const code = rc.toString(16).padStart(2, '0').toUpperCase();
  if (observed === undefined) return `| ${on} | ${code} | | | | **guest died** | | |`;
  const { met, right, state, log } = observed;
  const text = log.join('; ').replaceAll('|', '\\|');
  return `| ${on} | ${code} | ${met} | ${right} | ${others(observed)} | ${state} | ${again(observed)} | ${text} |`;
}

function others({ errors, waiting }: Observation): string {
  const parts = [...errors].map(([code, count]) => `${count} ${ERRNO_NAMES[code] ?? code}`);
  if (waiting > 0) parts.push(`${waiting} wait`);
  return parts.join(', ');
}

function again({ recoveryMs, byReset }: Observation): string {
  if (recoveryMs < 0) return 'no';
  return byReset ? 'after a reset' : `${(recoveryMs / 1000).toFixed(1)} s`;
}

/** The tables as a page. */
export function formatResponseCodes(tables: readonly KernelTable[]): string {
  const total = BURST.processes * BURST.requests;
  return [
    '# What Linux does with each response code',
    '',
    'Made by `apemu qemu --response-codes`: stock kernels under QEMU, one accelerator queue with interruptions, a bus scan every',
    `${SCAN_SECONDS} s. In each row ${BURST.processes} processes send ${total} RSA requests in all; while they do, the instruction is answered once with the code.`,
    '',
    '* **met**: whether the instruction met the code while requests were under way.',
    '* **others**: requests that ended with an errno, and processes whose request had no answer when nothing had happened for',
    `  ${QUIET_SECONDS} s. Those were ended; the kernel itself would have waited 900 s.`,
    '* **works again**: when the burst has ended, the time until a request succeeds, with the start of the program that sends it;',
    '  or that it did not until the queue was reset by hand (`echo 1 > reset` in its directory).',
    '* A kernel that looks for queues again as soon as a request finds none (6.12) fails one request; one that waits for its next scan',
    '  (6.1) fails those until then.',
    '* RC 35 and 36 are asynchronous errors: every later instruction is answered with them too, until a reset. 6.1 takes the queue for gone,',
    '  6.12 leaves the requests where they are.',
    '* TAPQ comes from a scan, RAPQ and AQIC from a write to `reset`, ZAPQ from unbinding the driver, which is bound again at once.',
    '  QCI has no response code.',
    '',
    ...tables.flatMap(formatTable),
  ].join('\n');
}

function formatTable({ kernel, cases }: KernelTable): string[] {
  const died = cases.filter((outcome) => outcome.observed === undefined);
  const survived = `Survived ${cases.length - died.length} of ${cases.length} cases.`;
  return [
    `## ${kernel}`,
    '',
    survived,
    '',
    ...HEADING,
    ...cases.map(formatRow),
    '',
    ...died.flatMap(({ on, rc, console }) => [
      `### Console of ${on} ${rc.toString(16)}`,
      '',
      '```',
      console,
      '```',
      '',
    ]),
  ];
}
