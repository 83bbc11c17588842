// SPDX-License-Identifier: Apache-2.0
// lszcrypt: from the record of a system's AP bus, a command line and a release of s390-tools to what the program prints.
// Source: test/golden/s390-tools; docs/reference/vfio-ap.md section 7.4.
import {
  type ApSystemRecord,
  bindsQueues,
  type CardRecord,
  cardName,
  type QueueRecord,
  queueName,
} from './ap-system.ts';
import { leadingHex, leadingPair } from './leading-numbers.ts';
import {
  busReport,
  capabilityReport,
  domainReport,
  domainWarning,
  serialReport,
} from './lszcrypt-reports.ts';
import {
  type Device,
  type LszcryptRow,
  longColumns,
  rowOf,
  shortColumns,
} from './lszcrypt-rows.ts';
import { lszcryptProgram } from './lszcrypt-usage.ts';
import { helpText, readOptions, tryHelp, versionText } from './options.ts';
import type { ReleaseRow } from './releases.ts';
import { type CommandResult, ToolRun } from './result.ts';
import { type Column, tableHeading, tableLine } from './text-table.ts';

/** Path of the devices in messages. */
const DEVICES = '/sys/devices/ap';
const NO_DRIVER = 'Crypto device driver not available.';
const NO_CARDS = 'No crypto card devices found.';

/** Options that choose what is shown, by the last letter of the card's type. */
const MODE_OPTIONS: Readonly<Record<string, string>> = {
  accelonly: 'A',
  ccaonly: 'C',
  ep11only: 'P',
};

/** What a list is to show. */
interface Selection {
  readonly verbose: boolean;
  /** Letters of the types to show; empty: all. */
  readonly modes: readonly string[];
  readonly cards: boolean;
  readonly queues: boolean;
}

/**
 * Runs lszcrypt. `system` is undefined where the kernel has no AP bus. What was printed before a mistake stays on standard
 * output.
 */
export function lszcrypt(
  system: ApSystemRecord | undefined,
  args: readonly string[],
  release: ReleaseRow,
): CommandResult {
  const program = lszcryptProgram(release);
  const run = new ToolRun(program.name);
  const { options, operands } = readOptions(args, program.options);
  const set = new Set<string>();
  for (const option of options) {
    if (option.mistake !== undefined)
      return run.failure(`${option.mistake}\n${tryHelp(program.name)}`);
    const { name, value } = option;
    if (name === 'help') run.print(helpText(program));
    else if (name === 'version') run.print(versionText(program, release.version));
    else if (REPORTS.includes(name)) {
      if (system === undefined) return run.failure(NO_DRIVER);
      return report(run, system, release, name, value);
    } else {
      set.add(name);
      continue;
    }
    return run.success();
  }
  const modes = Object.keys(MODE_OPTIONS).filter((name) => set.has(name));
  if (modes.length > 1)
    return run.failure('Only one of --accelonly or --ccaonly or --ep11only can be specified');
  const [cards, queues] = [set.has('cardonly'), set.has('queueonly')];
  if (cards && queues) return run.failure('Only one of --cardonly or --queueonly can be specified');
  if (system === undefined) return run.failure(NO_DRIVER);
  const selection = {
    verbose: set.has('verbose'),
    modes: modes.map((name) => MODE_OPTIONS[name]),
    cards: !queues,
    queues: !cards,
  };
  return new List(run, system, release, selection).print(operands);
}

/** Options that print something else than the list, and end the program. */
const REPORTS = ['bus', 'capability', 'domains', 'serial'];

function report(
  run: ToolRun,
  system: ApSystemRecord,
  release: ReleaseRow,
  name: string,
  value: string,
): CommandResult {
  if (name === 'bus') return busReport(run, system.bus, release);
  if (name === 'domains') return domainReport(run, system.bus, release);
  if (name === 'serial') return serialReport(run, system, release);
  return capabilityReport(run, system, value, release);
}

/** The list of devices. Its methods give the message that ends the program, or undefined. */
class List {
  readonly #run: ToolRun;
  readonly #system: ApSystemRecord;
  readonly #release: ReleaseRow;
  readonly #selection: Selection;
  readonly #columns: readonly Column<LszcryptRow>[];

  constructor(run: ToolRun, system: ApSystemRecord, release: ReleaseRow, selection: Selection) {
    this.#run = run;
    this.#system = system;
    this.#release = release;
    this.#selection = selection;
    this.#columns = selection.verbose
      ? longColumns(release, bindsQueues(system.bus))
      : shortColumns(release);
  }

  print(operands: readonly string[]): CommandResult {
    const { cards, bus } = this.#system;
    const all = operands.length === 0;
    // Release 2.16 stops after its first argument.
    const named = this.#release.early ? operands.slice(0, 1) : operands;
    if (all && cards.length === 0 && this.#release.emptyListFails)
      return this.#run.failure(NO_CARDS);
    this.#run.print(tableHeading(this.#columns));
    const steps = all
      ? cards.map((card) => () => this.#card(card))
      : named.map((text) => () => this.#operand(text));
    for (const step of steps) {
      const mistake = step();
      if (mistake !== undefined) return this.#run.failure(mistake);
    }
    if (all) this.#run.print(domainWarning(bus, this.#release));
    return this.#run.success();
  }

  /** Handles one operand: a card, a queue, or a domain after any one character. Returns a message if it is not valid. */
  #operand(text: string): string | undefined {
    const { cards } = this.#system;
    const pair = leadingPair(text);
    if (pair !== undefined) {
      const { id, domain } = pair;
      const card = cards.find(({ apid }) => apid === id);
      if (domain !== undefined && domain >= 0 && id >= 0) {
        const queue = card?.queues.find(({ apqi }) => apqi === domain);
        const path = `${DEVICES}/${cardName(id)}/${queueName(id, domain)}`;
        if (card === undefined || queue === undefined)
          return `Error - cryptographic device ${path} does not exist.`;
        this.#queue(card, queue);
        return undefined;
      }
      if (card !== undefined) return this.#card(card);
      return `Error - cryptographic device ${cardName(id)} does not exist.`;
    }
    const domain = leadingHex(text.slice(1));
    if (domain !== undefined) return this.#domain(domain.value);
    // This spelling is that of the real program.
    this.#run.print('Invalid adpater id!\n');
    return undefined;
  }

  #domain(domain: number): string | undefined {
    const { cards } = this.#system;
    if (cards.length === 0) return NO_CARDS;
    for (const card of cards) {
      const queue = card.queues.find(({ apqi }) => apqi === domain);
      if (queue === undefined) return 'No queue devices with given domain value found.';
      this.#queue(card, queue);
    }
    return undefined;
  }

  #card(card: CardRecord): string | undefined {
    const { verbose, cards, queues } = this.#selection;
    if (!verbose && (card.type === undefined || card.online === undefined)) return undefined;
    if (!this.#hasMode(card)) return undefined;
    if (cards) this.#line({ card });
    if (!queues) return undefined;
    if (card.queues.length === 0)
      return `Error - no subdevices found for ${DEVICES}/${cardName(card.apid)}.\n`;
    for (const queue of card.queues) this.#queue(card, queue);
    return undefined;
  }

  /** What zcrypt does not drive shows in the long listing only. */
  #queue(card: CardRecord, queue: QueueRecord): void {
    const { verbose, queues } = this.#selection;
    if (!verbose && (card.type === undefined || queue.online === undefined)) return;
    if (queues && this.#hasMode(card)) this.#line({ card, queue });
  }

  #line(device: Device): void {
    this.#run.print(tableLine(this.#columns, rowOf(device, this.#release)));
  }

  /** A type that names no mode is shown whatever is asked for. */
  #hasMode({ type }: CardRecord): boolean {
    const { modes } = this.#selection;
    const letter = type?.at(-1) ?? '';
    return modes.length === 0 || !'ACP'.includes(letter) || letter === '' || modes.includes(letter);
  }
}
