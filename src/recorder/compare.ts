// SPDX-License-Identifier: Apache-2.0
// A kernel and our model side by side: sequences of operations on the one, replayed on the other; what differs is made short.
// Source: docs/oracle.md.
import type { HostSwitches } from '../ap-bus/profile.ts';
import type { KernelProfileName } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import type { GoldenDifference } from '../sysfs/golden-kinds.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import type { RecordedComplaint } from '../sysfs/recording.ts';
import { buildQuestions } from './build-questions.ts';
import {
  complaintText,
  type Found,
  type RecorderFinding,
  shortest,
  shortestComplaint,
} from './finding.ts';
import { type GenerateOptions, generateSteps } from './generate.ts';
import { type Replayed, type ReplayOptions, replayRecording } from './replay.ts';
import {
  lineOperations,
  profileOfRelease,
  type RecorderKernel,
  type RecorderRun,
  type RecordingHead,
  recordingText,
} from './run.ts';
import { Tally } from './tally.ts';

export interface CompareOptions extends GenerateOptions, Omit<ReplayOptions, 'aborted'> {
  readonly kernel: RecorderKernel;
  readonly signal: AbortSignal;
  /** Whether the time is over; asked after each sequence. */
  readonly over: () => boolean;
  /** Called after each sequence. */
  readonly onSequence?: (seed: number, tally: Tally) => void;
}

export interface Comparison {
  readonly release: string;
  readonly profile: KernelProfileName;
  /** What was found out of the kernel's build. */
  readonly switches: Partial<HostSwitches>;
  readonly tally: Tally;
  /** Differences of all sequences, and the kinds of them. */
  readonly differences: number;
  readonly kinds: ReadonlyMap<string, number>;
  readonly findings: readonly RecorderFinding[];
}

/** Findings that are made short; the others are counted. */
const FINDINGS_MAX = 8;

/** Compares until the time is over, one sequence at least. */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const comparing = new Comparing(options);
  if (!options.kernel.exact) await comparing.askBuild();
  for (let seed = options.seed; !options.signal.aborted; seed++) {
    await comparing.sequence(seed);
    if (options.over()) break;
  }
  return comparing.comparison();
}

class Comparing {
  readonly #options: CompareOptions;
  readonly #tally = new Tally();
  readonly #kinds = new Map<string, number>();
  readonly #findings: RecorderFinding[] = [];
  #differences = 0;
  #release = '';
  #switches: Partial<HostSwitches> | undefined;

  constructor(options: CompareOptions) {
    this.#options = options;
  }

  comparison(): Comparison {
    return {
      release: this.#release,
      profile: this.#profile(this.#release),
      switches: this.#switches ?? {},
      tally: this.#tally,
      differences: this.#differences,
      kinds: this.#kinds,
      findings: this.#findings,
    };
  }

  /** Finds out what the kernel's build decides; every sequence is replayed in it. */
  async askBuild(): Promise<void> {
    const { config, kernel, signal } = this.#options;
    const operations = buildQuestions(config);
    const run = await kernel.run(operations, signal);
    this.#release = run.release;
    if (signal.aborted) return;
    if (!run.vfioAp)
      throw new ApemuError(
        'APEMU_ERR_GOLDEN_KERNEL',
        `kernel ${run.release} has no vfio_ap driver to compare with (docs/oracle.md has a recipe for one that has)`,
      );
    const { found } = await this.#replay(run, operations, true);
    this.#switches = found.switches;
  }

  async sequence(seed: number): Promise<void> {
    const { config, kernel, signal, onSequence } = this.#options;
    const steps = generateSteps({ ...this.#options, seed }, config);
    const operations = steps.map(({ operation }) => operation);
    const run = await kernel.run(operations, signal);
    this.#release = run.release;
    if (signal.aborted) return;
    this.#tally.add(steps, run);
    const { result } = await this.#replay(run, operations, true);
    if (signal.aborted) return;
    this.#differences += result.differences;
    const sequence = { seed, operations, run };
    const { first, kinds } = result;
    const kind = kinds.find((each) => each.first === first)?.kind;
    if (first !== undefined && kind !== undefined && !this.#kinds.has(kind))
      await this.#differed(sequence, first, kind);
    for (const { kind, count } of kinds)
      this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + count);
    if (run.complaint !== undefined) await this.#complained(sequence, run.complaint);
    onSequence?.(seed, this.#tally);
  }

  async #differed(sequence: Sequence, difference: GoldenDifference, kind: string): Promise<void> {
    const at = lineOperations(sequence.run)[difference.line - 1] ?? -1;
    const last = sequence.operations[at];
    if (last === undefined || this.#findings.length >= FINDINGS_MAX) return;
    const operations = [...sequence.operations.slice(0, at), looked(last, difference)];
    const finding = await shortest(this.#found(sequence, operations), async (some) => {
      const run = await this.#options.kernel.run(some, this.#options.signal);
      const { result } = await this.#replay(run, some, false);
      return result.kinds.some((each) => each.kind === kind);
    });
    if (finding !== undefined) this.#findings.push({ ...finding, difference });
  }

  async #complained(sequence: Sequence, complaint: RecordedComplaint): Promise<void> {
    const kind = complaintText(complaint);
    const known = this.#kinds.get(kind);
    this.#kinds.set(kind, (known ?? 0) + 1);
    if (known !== undefined || this.#findings.length >= FINDINGS_MAX) return;
    const operations = sequence.operations.slice(0, sequence.run.lines.length + 1);
    const finding = await shortestComplaint(this.#found(sequence, operations), complaint);
    if (finding !== undefined) this.#findings.push(finding);
  }

  #found({ seed, run }: Sequence, operations: readonly RecordedOperation[]): Found {
    const { kernel, signal } = this.#options;
    return { kernel, seed, operations, head: this.#head(run), signal };
  }

  #replay(
    run: RecorderRun,
    operations: readonly RecordedOperation[],
    search: boolean,
  ): Promise<Replayed> {
    const text = recordingText(run, operations, this.#head(run));
    const { signal, kernel } = this.#options;
    return replayRecording(text, `kernel ${run.release}`, {
      ...this.#options,
      search: search && this.#options.search && !kernel.exact,
      aborted: () => signal.aborted,
    });
  }

  #head(run: RecorderRun): RecordingHead {
    const switches = this.#options.kernel.exact ? {} : this.#switches;
    const profile = this.#profile(run.release);
    return switches === undefined ? { profile } : { profile, switches };
  }

  #profile(release: string): KernelProfileName {
    return this.#options.profile ?? profileOfRelease(release);
  }
}

interface Sequence {
  readonly seed: number;
  readonly operations: readonly RecordedOperation[];
  readonly run: RecorderRun;
}

/** The look that differed, where it was one of many. */
function looked(
  operation: RecordedOperation,
  { operation: text }: GoldenDifference,
): RecordedOperation {
  if (operation[0] !== 'files') return operation;
  const [, path] = JSON.parse(text) as readonly [string, string];
  return ['read', path];
}
