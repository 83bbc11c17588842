// SPDX-License-Identifier: Apache-2.0
// Replays recordings of a real kernel's sysfs against a host side: virtual time follows the recording, differences are grouped.
// Source: test/golden/README.md (format).

import { finish } from '../ap-bus/driving.ts';
import { type Uevent, ueventText } from '../ap-bus/events.ts';
import { NS_PER_US } from '../units.ts';
import { type GoldenDifference, type GoldenKind, GoldenKinds } from './golden-kinds.ts';
import {
  type GoldenPartition,
  type NumberedLine,
  type OperatorAction,
  type RecordedLine,
  recordedLines,
} from './recording.ts';
import type { Sysfs } from './sysfs.ts';

/** What a recording is replayed on. */
export interface GoldenHost {
  readonly sysfs: Sysfs;
  /** The partition is this from here on; the host learns of it at its next scan. */
  setPartition(partition: GoldenPartition): void;
  /** An operator's action on an adapter. Throws if the partition has no such adapter. */
  operate?(action: OperatorAction, apid: number): void;
  /** Lets virtual time pass. */
  advance(deltaNs: number): void;
  nowNs?(): number;
  /** Events since the last call, oldest first. Not given: events are not compared. */
  takeUevents?(): readonly Uevent[];
}

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
  /** Most frequent first. */
  readonly kinds: readonly GoldenKind[];
}

/** An operation of the recorder takes about so long. */
const USUAL_OPERATION_NS = 1_000_000;
/** What makes an event takes about so much longer. */
const USUAL_EVENT_NS = 12_000_000;

/** Names of one list that the other does not have. */
function namesOnlyIn(these: readonly string[], those: readonly string[]): string[] {
  const other = new Set(those);
  return these.filter((name) => !other.has(name));
}

/** Microseconds that passed before a line, by its number: for recordings without times. */
export type Pauses = Readonly<Record<number, number>>;

export interface ReplayOptions {
  /** Ends at the first difference. */
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
    const { sysfs } = this.#host;
    const drive = (waitNs: number): void => this.#host.advance(waitNs);
    switch (line[0]) {
      case 'write':
        return both(line[3], finish(sysfs.writeBytes(line[1], line[2]), drive));
      case 'read': {
        const result = finish(sysfs.readOperation(line[1]), drive);
        return both(line.slice(2), result.ok ? ['ok', result.text] : [result.errno]);
      }
      case 'driver': {
        const driver = sysfs.readlink(`${line[1]}/driver`);
        return both(
          line[2],
          driver.ok ? driver.text.slice(driver.text.lastIndexOf('/') + 1) : null,
        );
      }
      case 'link': {
        const result = sysfs.readlink(line[1]);
        return both(line[2], result.ok ? result.text : result.errno);
      }
      case 'list':
        return this.#list(line);
      case 'partition':
        this.#host.setPartition(line[1]);
        return SAME;
      case 'host':
        return this.#operate(line[1]);
      default:
        return SAME;
    }
  }

  #list(line: Extract<RecordedLine, readonly ['list', ...unknown[]]>): readonly [string, string] {
    const result = this.#host.sysfs.list(line[1]);
    const recorded = line[3];
    if (!result.ok || recorded === undefined) return both(line[2], result.ok ? 'ok' : result.errno);
    return both(
      { missing: namesOnlyIn(recorded, result.names) },
      { missing: namesOnlyIn(result.names, recorded) },
    );
  }

  #operate(action: Readonly<Record<string, number>>): readonly [string, string] {
    const [[verb, apid]] = Object.entries(action) as [[OperatorAction, number]];
    try {
      this.#host.operate?.(verb, apid);
      return SAME;
    } catch (error) {
      return both('done', String(error));
    }
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
const both = (recorded: unknown, here: unknown): readonly [string, string] => [
  JSON.stringify(recorded),
  JSON.stringify(here),
];

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
