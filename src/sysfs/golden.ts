// SPDX-License-Identifier: Apache-2.0
// Replays recordings of a real kernel's sysfs against a host side: virtual time follows the recording, differences are grouped.
// Source: test/golden/README.md (format).

import { ueventText } from '../ap-bus/events.ts';
import { NS_PER_US } from '../units.ts';
import { type GoldenDifference, type GoldenKind, GoldenKinds } from './golden-kinds.ts';
import { type GoldenHost, observe } from './observe.ts';
import { operationOf } from './recorded-line.ts';
import { type NumberedLine, type RecordedLine, recordedLines } from './recording.ts';

/** Counts of lines looked at, and differences if there are any. */
export interface GoldenResult {
  readonly file: string;
  readonly writes: number;
  readonly reads: number;
  readonly drivers: number;
  readonly partitions: number;
  /** It has no times: where the run paused is not known. */
  readonly untimed: boolean;
  readonly lists: number;
  readonly links: number;
  readonly hosts: number;
  readonly uevents: number;
  readonly differences: number;
  readonly first: GoldenDifference | undefined;
  /** Kinds of differences, the most frequent first. */
  readonly kinds: readonly GoldenKind[];
}

/** An operation of the recorder takes about so long. */
const USUAL_OPERATION_NS = 1_000_000;
/** Nanoseconds by which an operation takes longer that makes an event, about. */
const USUAL_EVENT_NS = 12_000_000;

/** Names of one list that the other does not have. */
function namesOnlyIn(these: readonly string[], those: readonly string[]): string[] {
  const other = new Set(those);
  return these.filter((name) => !other.has(name));
}

/** Microseconds that passed before a line, by its number: for recordings without times. */
export type Pauses = Readonly<Record<number, number>>;

export interface ReplayOptions {
  /** Whether to end at the first difference. */
  readonly toFirst?: boolean;
  readonly pauses?: Pauses;
}

class Replay {
  readonly counts = {
    kernel: 0,
    time: 0,
    write: 0,
    read: 0,
    driver: 0,
    list: 0,
    link: 0,
    partition: 0,
    host: 0,
    uevent: 0,
    complaint: 0,
  };
  readonly kinds = new GoldenKinds();
  differences = 0;
  first: GoldenDifference | undefined;
  readonly #host: GoldenHost;
  readonly #file: string;
  readonly #untimed: boolean;
  readonly #events: boolean;
  readonly #pauses: Pauses;
  #startNs: number | undefined;
  /** Events the recorder saw, and those here, since both last looked. */
  #seen: string[] = [];
  #here:
    | { readonly number: number; readonly operation: string; readonly texts: string[] }
    | undefined;

  constructor(host: GoldenHost, file: string, format: Format, pauses: Pauses) {
    this.#host = host;
    this.#file = file;
    this.#untimed = format === 'untimed';
    this.#events = format !== 'plain' && host.takeUevents !== undefined;
    this.#pauses = pauses;
    host.takeUevents?.();
  }

  take({ line, number }: NumberedLine): void {
    const pauseUs = this.#untimed ? this.#pauses[number] : undefined;
    if (pauseUs !== undefined) this.#host.advance(pauseUs * NS_PER_US);
    this.counts[line[0]]++;
    if (line[0] === 'uevent') {
      this.#seen.push(line[1]);
      if (this.#untimed) this.#host.advance(USUAL_EVENT_NS);
      return;
    }
    this.#compareUevents();
    if (line[0] === 'time') this.#moveTo(line[1]);
    else if (this.#untimed) this.#host.advance(USUAL_OPERATION_NS);
    const [expected, actual] = this.#perform(line);
    if (actual !== expected) this.#differ(number, operationText(line), expected, actual);
    // The recorder looks for events after each line that can make some.
    if (line[0] === 'write' || line[0] === 'partition' || line[0] === 'host') {
      this.#host.advance(0);
      const texts = (this.#host.takeUevents?.() ?? []).map(ueventText);
      this.#here = { number, operation: operationText(line), texts };
    }
  }

  end(): void {
    this.#compareUevents();
  }

  /** Virtual time is that of the recording, unless an operation took longer here. */
  #moveTo(us: number): void {
    const { nowNs } = this.#host;
    if (nowNs === undefined) return;
    const now = nowNs.call(this.#host);
    this.#startNs ??= now - us * NS_PER_US;
    const aheadNs = this.#startNs + us * NS_PER_US - now;
    if (aheadNs > 0) this.#host.advance(aheadNs);
  }

  /** Events that the recorder saw without such a line before (it slept) wait for the next one. */
  #compareUevents(): void {
    const here = this.#here;
    if (here === undefined) return;
    const seen = this.#seen;
    this.#here = undefined;
    this.#seen = [];
    if (!this.#events) return;
    for (let n = 0; n < Math.max(seen.length, here.texts.length); n++) {
      if (seen[n] === here.texts[n]) continue;
      const text = (event: string | undefined): string => JSON.stringify(event ?? null);
      const operation = `event ${n + 1} after ${here.operation}`;
      this.#differ(here.number, operation, text(seen[n]), text(here.texts[n]));
      return;
    }
  }

  /** What was recorded, and what comes out here, in the same form. */
  #perform(line: RecordedLine): readonly [string, string] {
    const operation = operationOf(line);
    if (operation === undefined || line[0] === 'complaint') return SAME;
    const [here] = observe(this.#host, operation);
    return here === undefined ? SAME : compared(line, here);
  }

  #differ(line: number, operation: string, expected: string, actual: string): void {
    this.differences++;
    const difference = { file: this.#file, line, operation, expected, actual };
    this.first ??= difference;
    this.kinds.add(difference);
  }
}

/** Plain recordings have neither times nor events; extended ones without times show what depends on them all the same. */
type Format = 'plain' | 'timed' | 'untimed';

function formatOf(text: string): Format {
  if (text.includes('["time"')) return 'timed';
  return text.includes('["uevent"') ? 'untimed' : 'plain';
}

const SAME = ['', ''] as const;

/** The parts of two lines about the same operation that are compared: outcomes, and for lists the names that only one of them has. */
function compared(recorded: RecordedLine, here: RecordedLine): readonly [string, string] {
  const outcome = (line: RecordedLine): string =>
    JSON.stringify(line.slice(line[0] === 'write' ? 3 : 2));
  if (recorded[0] !== 'list' || here[0] !== 'list') return [outcome(recorded), outcome(here)];
  const [names, own] = [recorded[3], here[3]];
  if (names === undefined || own === undefined) return [outcome(recorded), outcome(here)];
  const missing = (these: readonly string[], those: readonly string[]): string =>
    JSON.stringify({ missing: namesOnlyIn(these, those) });
  return [missing(names, own), missing(own, names)];
}

const operationText = (line: RecordedLine): string =>
  JSON.stringify(line[0] === 'write' ? line.slice(0, 3) : line.slice(0, 2));

/**
 * Replays one recording to its end, or to the first difference. Differences are counted and grouped.
 * @throws ApemuError APEMU_ERR_GOLDEN_LINE with file and line if the text is no recording
 */
export function replayGolden(
  host: GoldenHost,
  text: string,
  file: string,
  options: ReplayOptions = {},
): GoldenResult {
  const format = formatOf(text);
  const replay = new Replay(host, file, format, options.pauses ?? {});
  for (const line of recordedLines(text, file)) {
    replay.take(line);
    if (options.toFirst === true && replay.differences > 0) break;
  }
  replay.end();
  const { counts, differences, first } = replay;
  return {
    file,
    writes: counts.write,
    reads: counts.read,
    drivers: counts.driver,
    partitions: counts.partition,
    untimed: format === 'untimed',
    lists: counts.list,
    links: counts.link,
    hosts: counts.host,
    uevents: counts.uevent,
    differences,
    first,
    kinds: replay.kinds.all(),
  };
}
