// SPDX-License-Identifier: Apache-2.0
// lszcrypt -b, -d and -c: AP bus attributes, the domain grid, the capabilities of a card.
// Source: docs/reference/vfio-ap.md section 7.4; test/golden/linux-guest/lszcrypt-s390-tools-2.35-linux-6.12.txt (ap_domain=0x%x).
import { hex } from '../ap-bus/partition.ts';
import { type CommandResult, done, failed, readLine } from './command.ts';
import type { Sysfs } from './sysfs.ts';

const AP_BUS = '/sys/bus/ap';
const RULE_LENGTH = 54;
const MASK_BITS = 256;
const DOMAINS_PER_ROW = 16;

/** Facility bits behind the capability list. */
const RSA_4K = 0x60000000;
const CCA = 0x10000000;
const ACCELERATOR = 0x08000000;
const EP11 = 0x04000000;
const FULL_FUNCTIONS = 0x00800000;
const RESTRICTED_FUNCTIONS = 0x00400000;
/** Card types whose functions say what they can do. */
const OLDEST_KNOWN_TYPE = 10;
const NEWEST_KNOWN_TYPE = 14;

/** Bit n of a mask file's text. */
function maskBit(text: string | undefined, n: number): boolean {
  const digit = Number.parseInt(text?.[2 + (n >> 2)] ?? '0', 16);
  return (digit & (8 >> (n & 3))) !== 0;
}

const enabled = (value: string | undefined): string => (value === '1' ? 'enabled' : 'disabled');

/** lszcrypt -b. */
export function busReport(sysfs: Sysfs): CommandResult {
  const get = (name: string): string | undefined => readLine(sysfs, `${AP_BUS}/${name}`);
  const lines: string[] = [];
  const features = get('features');
  if (features !== undefined) lines.push(`features: ${features}`);
  const domain = Number(get('ap_domain'));
  const usage = get('ap_usage_domain_mask');
  const available = domain >= 0 && (usage?.startsWith('0x') !== true || maskBit(usage, domain));
  if (domain < 0) lines.push('ap_domain=-1 (not set)');
  else lines.push(`ap_domain=0x${domain.toString(16)}${available ? '' : ' (unavailable)'}`);
  lines.push(
    `ap_max_domain_id=0x${Number(get('ap_max_domain_id')).toString(16)}`,
    `ap_interrupts are ${enabled(get('ap_interrupts'))}`,
    `config_time=${get('config_time')} (seconds)`,
    `poll_thread is ${enabled(get('poll_thread'))}`,
    `poll_timeout=${get('poll_timeout')} (nanoseconds)`,
  );
  if (domain >= 0 && !available) {
    lines.push(`Warning: Default domain 0x${hex(domain, 2)} is not available.`);
  }
  return done(`${lines.join('\n')}\n`);
}

/** lszcrypt -d: 16 rows of 16 domains. */
export function domainReport(sysfs: Sysfs): CommandResult {
  const usage = readLine(sysfs, `${AP_BUS}/ap_usage_domain_mask`);
  const control = readLine(sysfs, `${AP_BUS}/ap_control_domain_mask`);
  const columns = Array.from({ length: DOMAINS_PER_ROW }, (_, n) => ` ${hex(n, 2)}`).join('');
  const rule = '-'.repeat(RULE_LENGTH);
  const lines = [`DOMAIN${columns}`, rule];
  for (let row = 0; row < MASK_BITS; row += DOMAINS_PER_ROW) {
    let line = hex(row, 2).padStart(6);
    for (let n = row; n < row + DOMAINS_PER_ROW; n++) {
      const c = maskBit(control, n);
      const u = maskBit(usage, n);
      line += ` ${(c && u ? 'B' : c ? 'C' : u ? 'U' : '.').padStart(2)}`;
    }
    lines.push(line);
  }
  lines.push(rule, 'C: Control domain', 'U: Usage domain', 'B: Both (Control + Usage domain)');
  return done(`${lines.join('\n')}\n`);
}

/** lszcrypt -c ID. */
export function capabilityReport(sysfs: Sysfs, device: string | undefined): CommandResult {
  const match = /^(?:card|0x)?([0-9a-f]{1,2})$/i.exec(device ?? '');
  if (match === null) return failed("Error - '-c' needs a card device id.");
  const name = `card${match[1].toLowerCase().padStart(2, '0')}`;
  const card = `/sys/devices/ap/${name}`;
  const type = Number(readLine(sysfs, `${card}/hwtype`));
  const functions = Number(readLine(sysfs, `${card}/ap_functions`));
  if (!sysfs.exists(card)) {
    return failed(`Error - cryptographic device ${device} does not exist.`);
  }
  const lines = capabilities(type, functions);
  if (lines.length === 0) {
    return done(
      `Detailed capability information for ${name} (hardware type ${type}) is not available.\n`,
    );
  }
  return done(`Coprocessor ${name} provides capability for:\n${lines.join('\n')}\n`);
}

function capabilities(type: number, functions: number): string[] {
  if (type < OLDEST_KNOWN_TYPE || type > NEWEST_KNOWN_TYPE) return [];
  const rsa = (functions & RSA_4K) !== 0 ? 'RSA 4K Clear Key' : 'RSA 2K Clear Key';
  if ((functions & ACCELERATOR) !== 0) return [rsa];
  if ((functions & CCA) !== 0) {
    const set =
      (functions & FULL_FUNCTIONS) !== 0
        ? ' (full function set)'
        : (functions & RESTRICTED_FUNCTIONS) !== 0
          ? ' (restricted function set)'
          : '';
    return [rsa, `CCA Secure Key${set}`, 'Long RNG'];
  }
  return (functions & EP11) !== 0 ? ['EP11 Secure Key'] : [];
}
