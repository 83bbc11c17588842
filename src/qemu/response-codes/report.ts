// SPDX-License-Identifier: Apache-2.0
// Every response code at every AP instruction a running kernel executes: the table of what Linux did, as Markdown.

import { RESPONSE_CODES } from '../../../native-like/arch/response-codes.ts';
import { configFromObject } from '../../config/load.ts';
import type { FaultInstruction } from '../../config/types.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { type Observation, PROBE_CONFIG, Probe, SCAN_SECONDS } from './probe.ts';

/** Instructions in the order of the table. ZAPQ is only executed for a queue that is on its way out. */
export const PROBED: readonly FaultInstruction[] = ['tapq', 'rapq', 'aqic', 'nqap', 'dqap'];

/** One case and its outcome; no observation: the guest did not survive, `console` are its last lines. */
export interface ResponseCodeCase {
  readonly on: FaultInstruction;
  readonly rc: number;
  readonly observed: Observation | undefined;
  readonly console: string;
}

const LAST_LINES = 40;

/**
 * Runs the cases one by one on one guest; after a case the guest does not survive, on a new one.
 *
 * @param codes response codes; default: all of the architecture's table but 00
 */
export async function probeResponseCodes(
  image: GuestImage,
  log: (line: string) => void,
  codes: readonly number[] = allCodes(),
  instructions: readonly FaultInstruction[] = PROBED,
): Promise<ResponseCodeCase[]> {
  const { config } = configFromObject(PROBE_CONFIG);
  const cases: ResponseCodeCase[] = [];
  let probe = await Probe.boot(config, image);
  try {
    for (const on of instructions) {
      for (const rc of codes) {
        const outcome = await probeOne(probe, on, rc);
        cases.push(outcome);
        log(formatRow(outcome));
        const { observed } = outcome;
        if (observed !== undefined && observed.recoveryMs >= 0) continue;
        await probe.close();
        probe = await Probe.boot(config, image);
      }
    }
  } finally {
    await probe.close();
  }
  return cases;
}

async function probeOne(probe: Probe, on: FaultInstruction, rc: number): Promise<ResponseCodeCase> {
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
  '| instruction | RC | met | requests right | errno | state after | works again | kernel log |',
  '|---|---|---|---|---|---|---|---|',
];

function formatRow({ on, rc, observed }: ResponseCodeCase): string {
  const code = rc.toString(16).padStart(2, '0').toUpperCase();
  if (observed === undefined) return `| ${on} | ${code} | yes | | | **guest died** | | |`;
  const { met, right, errors, state, recoveryMs, log } = observed;
  const again = recoveryMs < 0 ? 'not in time' : `${(recoveryMs / 1000).toFixed(1)} s`;
  const text = log.join('; ').replaceAll('|', '\\|');
  return `| ${on} | ${code} | ${met ? 'yes' : 'no'} | ${right} | ${errors} | ${state} | ${again} | ${text} |`;
}

/** The table as a page. */
export function formatResponseCodes(kernel: string, cases: readonly ResponseCodeCase[]): string {
  const died = cases.filter((outcome) => outcome.observed === undefined);
  return [
    '# What Linux does with each response code',
    '',
    `Debian kernel ${kernel} under QEMU, one accelerator queue, \`config_time\` ${SCAN_SECONDS}. Each row: the code is answered once,`,
    'then ten RSA requests are sent. "errno" counts requests by error number, "waits" means that they had not ended after ten seconds;',
    '"works again" is the time from then until one succeeds.',
    '',
    ...HEADING,
    ...cases.map(formatRow),
    '',
    ...died.flatMap(({ on, rc, console }) => [
      `## Console of ${on} ${rc.toString(16)}`,
      '',
      '```',
      console,
      '```',
      '',
    ]),
  ].join('\n');
}
