// SPDX-License-Identifier: Apache-2.0
// Explores the order of host operations, guest instructions and interruptions in stepped mode: every choice of a small case, seeded
// random ones beyond. When a rule breaks, the schedule is an AP program that shows it.
// Source: docs/reference/vfio-ap.md section 6.3; docs/design.md section 6 (concurrency).
import { Cluster } from '../../src/cluster/cluster.ts';
import { ApemuError } from '../../src/errors.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { nextRandom, seedRandom } from '../../src/lpar/random.ts';
import { MachineForPrograms } from '../../src/program/adapter.ts';
import type { Program } from '../../src/program/ast.ts';
import { ClusterForPrograms } from '../../src/program/cluster-adapter.ts';
import { compileProgram } from '../../src/program/compile.ts';
import { PROGRAM_HEADER, parseProgram } from '../../src/program/parse.ts';
import { RunnableProgram } from '../../src/program/run.ts';
import type { Difference } from '../../src/program/steps.ts';
import { preferred } from '../../src/program/threads.ts';

/** One case, in lines of an AP program: what comes first, what is concurrent, what must hold at the end besides the rules. */
export interface ExploreCase<M extends Machine | Cluster = Machine> {
  create(): Promise<M>;
  /** Configuration the printed program names. */
  readonly config: string;
  readonly before: readonly string[];
  /** Lists of lines, each in its own order: lines of vCPUs, or `sysfs:`, `lpar:` and `clock:` lines, which go on in steps. */
  readonly concurrent: readonly (readonly string[])[];
  readonly after: readonly string[];
  /** Looks at what lines cannot say: called before the concurrent part, returns a check for the end. */
  watch?(machine: M): () => string | undefined;
}

export interface ExploreOptions {
  /** Interleavings explored one by one; what is left after them is drawn. */
  readonly exhaustive: number;
  readonly random: number;
  readonly seed: number;
}

export interface Exploration {
  readonly explored: number;
  /** All interleavings there are were explored. */
  readonly complete: boolean;
  readonly violation: { readonly text: string; readonly program: string } | undefined;
}

/** Steps of one interleaving after which it counts as one that never ends. */
const PATIENCE = 1_500;
/** Names of the host's threads. */
const NAMES = 'ABCDEFGH';

/** Makes choices and remembers how many there were. */
class Chooser {
  readonly widths: number[] = [];
  readonly taken: number[] = [];
  readonly #given: readonly number[];
  #random: number | undefined;

  constructor(given: readonly number[], random?: number) {
    this.#given = given;
    this.#random = random;
  }

  choose(width: number): number {
    if (width <= 1) return 0;
    let pick = this.#given[this.taken.length] ?? 0;
    if (this.#random !== undefined) {
      this.#random = nextRandom(this.#random);
      pick = (this.#random >>> 0) % width;
    }
    this.widths.push(width);
    this.taken.push(pick);
    return pick;
  }

  /** The choices after these in depth-first order; undefined when there are none. */
  next(): number[] | undefined {
    for (let at = this.taken.length - 1; at >= 0; at--) {
      if (this.taken[at] + 1 < this.widths[at])
        return [...this.taken.slice(0, at), this.taken[at] + 1];
    }
    return undefined;
  }
}

/** Lines of one vCPU's, or of one host thread. */
interface Lines {
  /** Of the host: its name. */
  readonly thread: string | undefined;
  readonly lines: readonly string[];
  /** Next line that has not begun. */
  at: number;
}

/** A line of the schedule: as it is, or steps of a thread. */
type Printed = string | { readonly thread: string; count: number; at: string };

const forPrograms = (machine: Machine | Cluster): MachineForPrograms | ClusterForPrograms =>
  machine instanceof Cluster ? new ClusterForPrograms(machine) : new MachineForPrograms(machine);

/** One interleaving. */
class Run<M extends Machine | Cluster> {
  violation: string | undefined;
  readonly #case: ExploreCase<M>;
  readonly #chooser: Chooser;
  readonly #schedule: Printed[] = [];
  readonly #lists: readonly Lines[];
  #machine: MachineForPrograms | ClusterForPrograms | undefined;

  constructor(exploreCase: ExploreCase<M>, chooser: Chooser) {
    this.#case = exploreCase;
    this.#chooser = chooser;
    let named = 0;
    this.#lists = exploreCase.concurrent.map((lines) => {
      const host = /^(\w+\/)?(sysfs|lpar|clock|migrate):/.test(lines[0] ?? '');
      return { thread: host ? NAMES[named++] : undefined, lines, at: 0 };
    });
  }

  async run(): Promise<void> {
    const machine = await this.#case.create();
    this.#machine = forPrograms(machine);
    try {
      for (const line of this.#case.before) this.#do(line);
      this.#machine.steps();
      const end = this.#case.watch?.(machine);
      this.#loop();
      for (const line of ['step: all', ...this.#case.after])
        if (this.violation === undefined) this.#do(line);
      this.violation ??= end?.();
    } catch (error) {
      if (error instanceof ApemuError) throw error;
      this.violation ??= `an error was thrown: ${error instanceof Error ? error.message : error}`;
    } finally {
      machine.close();
    }
  }

  /** The schedule as a program. Host lines that had not begun when the rule broke follow, so that everything can end. */
  program(): string {
    const head = [PROGRAM_HEADER, `config ${this.#case.config}`, ...this.#case.before];
    const schedule = this.#schedule.map((line) => {
      if (typeof line === 'string') return line;
      return `step: ${line.thread}${line.count === 1 ? '' : ` ${line.count}`}  # ${line.at}`;
    });
    const left = this.#lists.flatMap(({ thread, lines, at }) =>
      thread === undefined ? [] : lines.slice(at).map((line) => `step: ${thread} ${line}`),
    );
    return `${[...head, ...schedule, ...left, 'step: all', ...this.#case.after].join('\n')}\n`;
  }

  #loop(): void {
    for (let steps = 0; this.violation === undefined; steps++) {
      const hosts = this.#hosts();
      const vcpus = this.#vcpus();
      if (hosts.all === 0 && vcpus.length === 0) return;
      const ready = [...hosts.ready, ...vcpus];
      if (ready.length === 0 || steps > PATIENCE) {
        this.violation = 'operations never end';
        return;
      }
      const pick = ready[this.#chooser.choose(ready.length)];
      if (pick.thread === undefined) this.#act(pick);
      else this.#advance(pick, pick.thread);
    }
  }

  /** Host threads, and those that can go on. */
  #hosts(): { readonly all: number; readonly ready: readonly Lines[] } {
    const { threads } = this.#steps;
    const unfinished = threads.unfinished();
    const left = this.#lists.filter(
      ({ thread, lines, at }) =>
        thread !== undefined && (at < lines.length || unfinished.includes(thread)),
    );
    const ready = preferred(left, ({ thread = '' }) => threads.waitsFor(thread));
    return { all: left.length, ready };
  }

  #vcpus(): readonly Lines[] {
    return this.#lists.filter(
      ({ thread, lines, at }) =>
        thread === undefined && at < lines.length && this.#executes(lines[at] ?? ''),
    );
  }

  /** A guest that is moved executes nothing. */
  #executes(line: string): boolean {
    const [guest = ''] = line.split('.');
    return !(this.#machine instanceof ClusterForPrograms && this.#machine.cluster.isStopped(guest));
  }

  #advance(list: Lines, thread: string): void {
    const inner = (what: string): void => this.#inTheMiddle(thread, what);
    const { threads } = this.#steps;
    if (!threads.unfinished().includes(thread)) {
      const line = `step: ${thread} ${list.lines[list.at++]}`;
      this.#schedule.push(line);
      this.#begin(line, inner);
    } else this.#stands(thread, this.#steps.advance(thread, inner));
    this.#look();
  }

  /** The line that begins a thread's operation is its first step. */
  #begin(line: string, inner: (what: string) => void): void {
    const machine = this.#opened;
    const [step] = compileProgram(parsed(line), machine, (differences) => {
      if (differences.length > 0) this.violation ??= textOf(differences);
    });
    if (step?.kind !== 'step') throw new RangeError(`no host line: ${line}`);
    let first = true;
    const { thread } = step.statement;
    const at = step.advance((what) => {
      if (!first) return inner(what);
      first = false;
      this.#look();
      this.#maybeAct();
    });
    if (!first) this.#stands(thread, at);
  }

  /** In the middle of a host operation: none or one of the vCPUs goes on. */
  #inTheMiddle(thread: string, what: string): void {
    if (this.violation !== undefined) return;
    this.#stands(thread, what);
    this.#look();
    this.#maybeAct();
  }

  #maybeAct(): void {
    if (this.violation !== undefined) return;
    const vcpus = this.#vcpus();
    const pick = this.#chooser.choose(vcpus.length + 1);
    if (pick > 0) this.#act(vcpus[pick - 1]);
  }

  #act(list: Lines): void {
    const line = list.lines[list.at++];
    this.#schedule.push(line);
    this.#do(line);
    this.#look();
  }

  /** One more step of a thread. */
  #stands(thread: string, at: string): void {
    const last = this.#schedule.at(-1);
    if (typeof last === 'object' && last.thread === thread) {
      last.count++;
      last.at = at;
    } else this.#schedule.push({ thread, count: 1, at });
  }

  get #steps() {
    return this.#opened.steps();
  }

  get #opened(): MachineForPrograms | ClusterForPrograms {
    if (this.#machine === undefined) throw new RangeError('no machine yet');
    return this.#machine;
  }

  #look(): void {
    this.violation ??= this.#steps.broken();
  }

  #do(line: string): void {
    const program = new RunnableProgram(parsed(line), this.#opened);
    const [mismatch] = program.run().mismatches;
    if (mismatch !== undefined)
      this.violation ??= `${mismatch.operation}: ${textOf(mismatch.differences)}`;
  }
}

const parsed = (line: string): Program => parseProgram(`${PROGRAM_HEADER}\n${line}`, 'schedule');

const textOf = (differences: readonly Difference[]): string =>
  differences.map((one) => `${one.field} expected ${one.expected}, got ${one.got}`).join('; ');

/** Explores a case. Ends at the first violation. */
export const explore = async <M extends Machine | Cluster>(
  exploreCase: ExploreCase<M>,
  options: ExploreOptions,
): Promise<Exploration> => {
  let explored = 0;
  let complete = false;
  let given: number[] | undefined = [];
  while (given !== undefined && explored < options.exhaustive) {
    const chooser = new Chooser(given);
    const violation = await one(exploreCase, chooser);
    explored++;
    if (violation !== undefined) return { explored, complete, violation };
    given = chooser.next();
    complete = given === undefined;
  }
  for (let n = 0; n < options.random && !complete; n++) {
    const violation = await one(exploreCase, new Chooser([], seedRandom(options.seed, n)));
    explored++;
    if (violation !== undefined) return { explored, complete, violation };
  }
  return { explored, complete, violation: undefined };
};

const one = async <M extends Machine | Cluster>(
  exploreCase: ExploreCase<M>,
  chooser: Chooser,
): Promise<{ text: string; program: string } | undefined> => {
  const run = new Run(exploreCase, chooser);
  await run.run();
  if (run.violation === undefined) return undefined;
  const choices = `# choices ${chooser.taken.join(',')}: ${run.violation.replaceAll('\n', ' ')}\n`;
  return { text: run.violation, program: `${run.program()}${choices}` };
};
