// SPDX-License-Identifier: Apache-2.0
// lszcrypt -b, -d, -s and -c: AP bus attributes, the domain grid, serial numbers, what a device can do.
// Source: test/golden/s390-tools, test/golden/linux-guest/lszcrypt-*.txt; docs/reference/vfio-ap.md section 7.4.

import { TYPE_CEX2A, TYPE_CEX4, TYPE_CEX8 } from '../../native-like/arch/adapter-types.ts';
import { MASK_BITS } from '../../native-like/arch/limits.ts';
import {
  GR2_A,
  GR2_C,
  GR2_D,
  GR2_FULL_FUNCTION,
  GR2_H,
  GR2_M,
  GR2_RESTRICTED_FUNCTION,
  GR2_X,
} from '../../native-like/arch/registers.ts';
import {
  type ApSystemRecord,
  type BusRecord,
  type CardRecord,
  cardName,
  maskBit,
  type QueueRecord,
  queueName,
} from './ap-system.ts';
import { leadingNumber, leadingPair } from './leading-numbers.ts';
import { identityColumns, type LszcryptRow, rowOf } from './lszcrypt-rows.ts';
import type { ReleaseRow } from './releases.ts';
import type { CommandResult, ToolRun } from './result.ts';
import { type Column, tableHeading, tableLine } from './text-table.ts';

const RULE = `${'-'.repeat(54)}\n`;
const DOMAINS_PER_ROW = 16;
const SERIAL_CHARACTERS = 8;
const HIGHEST_APID = 255;
const BYTES_PER_KB = 1024;

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
const enabled = (value: boolean): string => (value ? 'enabled' : 'disabled');

/** The output of `lszcrypt -b`. */
export function busReport(run: ToolRun, bus: BusRecord, release: ReleaseRow): CommandResult {
  const { early, checksDefaultDomain: checks } = release;
  const digits = checks ? 2 : 1;
  const domain = (): string => {
    // The real program prints a long as hexadecimal here, without regard to its sign.
    if (bus.domain < 0) return checks ? '-1 (not set)' : '0xffffffffffffffff';
    const available = !checks || maskBit(bus.usageDomains, bus.domain) === true;
    return `0x${hex(bus.domain, digits)}${available ? '' : ' (unavailable)'}`;
  };
  if (bus.features !== undefined && !early) run.print(`features: ${bus.features}\n`);
  run.print(`ap_domain=${domain()}\n`);
  run.print(`ap_max_domain_id=0x${hex(bus.maxDomain, digits)}\n`);
  run.print(`ap_interrupts are ${enabled(bus.interrupts)}\n`);
  run.print(`config_time=${bus.configTimeS} (seconds)\n`);
  run.print(`poll_thread is ${enabled(bus.pollThread)}\n`);
  run.print(`poll_timeout=${bus.pollTimeoutNs} (nanoseconds)\n`);
  return run.success();
}

/** A line about a default domain that no queue of this system has; nothing where the release does not look. */
export function domainWarning(bus: BusRecord, { checksDefaultDomain }: ReleaseRow): string {
  const good = bus.domain >= 0 && maskBit(bus.usageDomains, bus.domain) === true;
  if (good || !checksDefaultDomain) return '';
  const shown = bus.domain < 0 ? 'f'.repeat(16) : hex(bus.domain, 2);
  return `Warning: Default domain 0x${shown} is not available.\n`;
}

/** lszcrypt -d: 16 rows of 16 domains. */
export function domainReport(run: ToolRun, bus: BusRecord, release: ReleaseRow): CommandResult {
  const { usageDomains: usage, controlDomains: control } = bus;
  if (control.includes('not')) return run.failure('Control domain mask not available.');
  if (usage.includes('not')) return run.failure('Usage domain mask not available.');
  const columns = Array.from({ length: DOMAINS_PER_ROW }, (_, n) => ` ${hex(n, 2)}`).join('');
  run.print(`DOMAIN${columns}\n${RULE}`);
  for (let row = 0; row < MASK_BITS; row += DOMAINS_PER_ROW) {
    let line = hex(row, 2).padStart(6);
    for (let n = row; n < row + DOMAINS_PER_ROW; n++) {
      const c = maskBit(control, n) === true;
      const u = maskBit(usage, n) === true;
      line += `  ${c && u ? 'B' : c ? 'C' : u ? 'U' : '.'}`;
    }
    run.print(`${line}\n`);
  }
  run.print(`${RULE}C: Control domain\nU: Usage domain\nB: Both (Control + Usage domain)\n`);
  run.print(domainWarning(bus, release));
  return run.success();
}

/** lszcrypt -s: cards that zcrypt drives as coprocessors. */
export function serialReport(
  run: ToolRun,
  { cards }: ApSystemRecord,
  release: ReleaseRow,
): CommandResult {
  if (cards.length === 0) return run.failure('No crypto card devices found.');
  const columns: readonly Column<LszcryptRow & { serial: string }>[] = [
    ...identityColumns(release),
    { title: 'SERIALNR', width: SERIAL_CHARACTERS, value: ({ serial }) => serial },
  ];
  run.print(tableHeading(columns));
  for (const card of cards) {
    const coprocessor = (card.functions & (GR2_D | GR2_X)) !== 0;
    if (!coprocessor || card.type === undefined || card.online === undefined) continue;
    const serial = card.serial?.slice(0, SERIAL_CHARACTERS) ?? '-';
    run.print(tableLine(columns, { ...rowOf({ card }, release), serial }));
  }
  return run.success();
}

/** lszcrypt -c: of a card by its number, of a queue as 05.0004. */
export function capabilityReport(
  run: ToolRun,
  { cards }: ApSystemRecord,
  text: string,
  { early }: ReleaseRow,
): CommandResult {
  const pair = early ? undefined : leadingPair(text);
  if (pair?.domain !== undefined) {
    const name = queueName(pair.id, pair.domain);
    const queue = cards
      .find(({ apid }) => apid === pair.id)
      ?.queues.find(({ apqi }) => apqi === pair.domain);
    if (queue !== undefined) return queueCapabilities(run, name, queue);
    return run.failure(`Error - cryptographic queue device ${name} does not exist.`);
  }
  const number = leadingNumber(text);
  const id = number?.value ?? -1;
  if (number?.rest !== '' || id < 0 || id > HIGHEST_APID)
    return run.failure(`Error - '${text}' is an invalid cryptographic device id.`);
  const card = cards.find(({ apid }) => apid === id);
  if (card !== undefined) return cardCapabilities(run, card, early);
  return run.failure(`Error - cryptographic device ${cardName(id)} does not exist.`);
}

/** Lines of mkvps that are shown: the keys in use. */
const KEY_IN_USE = /WK CUR|AES CUR|APKA CUR|ASYM CUR/;

function queueCapabilities(run: ToolRun, name: string, queue: QueueRecord): CommandResult {
  run.print(`queue ${name} capabilities:\n`);
  if (queue.seBind !== undefined) run.print(`SE bind state: ${queue.seBind ?? 'error'}\n`);
  if (queue.seAssociate !== undefined)
    run.print(`SE association state: ${queue.seAssociate ?? 'error'}\n`);
  for (const line of queue.masterKeys ?? []) if (KEY_IN_USE.test(line)) run.print(`MK ${line}\n`);
  return run.success();
}

/** The newest card type that lszcrypt 2.16 knows: CEX7. */
const NEWEST_TYPE_OF_2_16 = TYPE_CEX8 - 1;

function cardCapabilities(run: ToolRun, card: CardRecord, early: boolean): CommandResult {
  const name = cardName(card.apid);
  const type = Number(card.hwtype);
  const unknown = `Detailed capability information for ${name} (hardware type ${card.hwtype}) is not available.\n`;
  if (card.type === undefined || card.online === undefined) {
    run.print(unknown);
    return run.success();
  }
  run.print(`${name} provides capability for:\n`);
  const newest = early ? NEWEST_TYPE_OF_2_16 : TYPE_CEX8;
  const lines = type < TYPE_CEX2A || type > newest ? undefined : capabilities(type, card, early);
  run.print(lines === undefined ? unknown : `${lines.join('\n')}\n`);
  const { maxMessageBytes = 0 } = card;
  if (type >= TYPE_CEX4 && type <= newest && maxMessageBytes > 0 && !early)
    run.print(`AP bus max message size limit ${Math.floor(maxMessageBytes / BYTES_PER_KB)} Kb\n`);
  return run.success();
}

/** What a card can do, or undefined where its word does not say. */
function capabilities(
  type: number,
  { functions }: CardRecord,
  early: boolean,
): string[] | undefined {
  const longest = (functions & (GR2_M | GR2_C)) !== 0 ? 'RSA 4K Clear Key' : 'RSA 2K Clear Key';
  const set =
    (functions & GR2_FULL_FUNCTION) !== 0
      ? ' (full function set)'
      : (functions & GR2_RESTRICTED_FUNCTION) !== 0
        ? ' (restricted function set)'
        : '';
  const filtering =
    type >= TYPE_CEX4 && (functions & GR2_H) !== 0 && !early
      ? ['Hardware support for stateless filtering']
      : [];
  const cca = ['RSA 4K Clear Key', `CCA Secure Key${set}`, ...filtering, 'Long RNG'];
  if (type < TYPE_CEX4) return type % 2 === 0 ? [longest] : cca;
  if ((functions & GR2_A) !== 0) return [longest];
  if ((functions & GR2_D) !== 0) return cca;
  return (functions & GR2_X) !== 0 ? ['EP11 Secure Key'] : undefined;
}
