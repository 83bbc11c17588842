// SPDX-License-Identifier: Apache-2.0
// Whether a kernel's queues work again when the hardware is healthy: first as they are, then after what an administrator would do, then after
// a reset by hand; and whether its counters are those of a kernel with nothing to do.
// Source: docs/reference/fuzzing.md section 4 (in tiers: the long repair only when the short look fails).
import { STATUS_IRQ, STATUS_REPLIES } from '../../native-like/arch/status-word.ts';
import { Q_STATUS } from '../../native-like/machine/layout.ts';
import { formatApqn } from '../config/units.ts';
import type { Outcome } from '../target/outcome.ts';
import { NS_PER_SECOND } from '../units.ts';
import type { GuestTime } from './guest-time.ts';
import type { KernelUser } from './kernel-user.ts';
import { objectsFile, type SlabCounts } from './slabs.ts';
import { countersOf, repairs, requestCountOf, resetOf, SCAN } from './sysfs-files.ts';

/** Linux gives a request up after 900 s and its reset again: twice that, where the guest's clock can be moved on. */
const GIVEN_UP_NS = 2_000 * NS_PER_SECOND;
/** Where it cannot, so much of the computer's time. */
const PATIENCE_NS = 10 * NS_PER_SECOND;
/** A scan of the bus and what it brings about, and then some polls of a queue, of which each comes within 40 ms. */
const SETTLED_NS = 6 * NS_PER_SECOND;
const POLLS_NS = 2 * NS_PER_SECOND;
/** A request of a healthy queue takes milliseconds. */
const PROBE_NS = 3 * NS_PER_SECOND;
/** Two scans of the bus, and how often they may be needed: a queue may be busy for 40 s. */
const REPAIR_NS = 12 * NS_PER_SECOND;
const REPAIRS = 5;
/** What is freed when nobody can use it any more is, by then (kfree_rcu collects for 5 s). */
const FREED_NS = 12 * NS_PER_SECOND;
const ERRAND_NS = 20 * NS_PER_SECOND;
/** Times a process is killed, and how long each takes. */
const KILL_TIMES = 5;
const KILLED_NS = NS_PER_SECOND;

/** As oracles know it. */
const NO_ENDING = 'no ending';

type Unrecovered = { readonly apqn: number; readonly why: string };

export class KernelRecovery {
  readonly #user: KernelUser;
  readonly #time: GuestTime;
  readonly #over: () => boolean;
  /** Queues on which a reply waited for nobody. */
  neglected: readonly number[] = [];
  /** Queues that ended a request with an error before anything was done about it. */
  refusing: readonly Unrecovered[] = [];

  /** `over`: the kernel has come to an end, and what comes after says nothing. */
  constructor(user: KernelUser, time: GuestTime, over: () => boolean) {
    this.#user = user;
    this.#time = time;
    this.#over = over;
  }

  /** Queues that do not serve a request again. */
  async failed(): Promise<Outcome['unrecovered']> {
    const user = this.#user;
    user.write(SCAN.file, SCAN.text);
    const inPlace = user.guest.level === 'in place';
    const patience = inPlace ? GIVEN_UP_NS : PATIENCE_NS;
    const idle = (): boolean => user.open === 0 && user.errands === 0;
    if (inPlace) await this.#look(idle);
    await this.#time.until(patience, () => idle() || this.#over());
    if (this.#over()) return [];
    // A probe wakes a queue that has come to a stop: what it ends then has had all the time there is.
    if (inPlace && user.open > 0) user.markOverdue();
    const broken = await this.#probe(user.queues);
    if (broken.length === 0) return [];
    // What had no ending in this time may be the computer's fault.
    this.refusing = broken.filter(({ why }) => why !== NO_ENDING);
    let failed: Unrecovered[] = [];
    for (let n = 0; n < (inPlace ? REPAIRS : 1); n++) {
      await this.#repair();
      await this.#time.until(REPAIR_NS, () => false);
      await this.#repair();
      failed = await this.#probe(user.queues);
      if (failed.length === 0) return [];
    }
    const queues = failed.map(({ apqn }) => apqn);
    user.writeAll(queues.map(resetOf));
    await this.#time.until(REPAIR_NS, () => false);
    const still = new Set((await this.#probe(queues)).map(({ apqn }) => apqn));
    if (this.#over()) return [];
    return failed.map(({ apqn, why }) => {
      const byHand = still.has(apqn) ? '' : ' until it is reset by hand';
      return { apqn, why: `${why}${byHand}` };
    });
  }

  /** Counters of sysfs that are not 0. Nothing is outstanding. */
  async counters(): Promise<Record<string, number>> {
    const held: Record<string, number> = {};
    const files = new Map(
      this.#user.queues.flatMap((apqn) => countersOf(apqn).map((file) => [file, apqn] as const)),
    );
    this.#user.readNumbers([...files.keys()], (file, count) => {
      const name = `${file.split('/').at(-1)} of ${formatApqn(files.get(file) ?? 0)}`;
      if (count !== 0) held[name] = count;
    });
    await this.#errands();
    return held;
  }

  /**
   * Queues whose request_count is not the number of messages the machine has taken from them since the moment; `before`: counts at the
   * moment. True of a kernel that has sent each message once.
   */
  async miscounted(before: ReadonlyMap<number, number>): Promise<string[]> {
    const user = this.#user;
    const wrong: string[] = [];
    const takenBy = (apqn: number): number =>
      (before.get(apqn) ?? 0) + (user.guest.service.taken.get(apqn) ?? 0);
    const taken = new Map(
      user.queues.map((apqn) => [requestCountOf(apqn), [apqn, takenBy(apqn)] as const]),
    );
    user.readNumbers([...taken.keys()], (file, count) => {
      const [apqn, right] = taken.get(file) ?? [0, count];
      // The kernel may have asked for random numbers meanwhile.
      if (takenBy(apqn) !== right || count === right) return;
      const told = `request_count of ${formatApqn(apqn)} is ${count}`;
      wrong.push(`${told}, the machine has taken ${right} messages`);
    });
    await this.#errands();
    return wrong;
  }

  /** What processes do that have not ended seconds after they were killed. */
  async survivors(): Promise<readonly string[]> {
    const { agent } = this.#user.guest;
    for (let n = 0; n < KILL_TIMES; n++) {
      agent.kill();
      await this.#time.until(KILLED_NS, () => agent.survivors.length === 0);
      if (agent.survivors.length === 0 || this.#over()) return [];
    }
    return agent.survivors;
  }

  /** Objects in use of each cache. */
  async slabs(): Promise<SlabCounts> {
    const counts = new Map<string, number>();
    await this.#time.until(FREED_NS, () => false);
    const files = new Map(this.#user.guest.slabs.map((name) => [objectsFile(name), name]));
    this.#user.readNumbers([...files.keys()], (file, count) => {
      counts.set(files.get(file) ?? file, count);
    });
    await this.#errands();
    return counts;
  }

  /** Sees whether replies are polled for where no interruption tells of them. */
  async #look(idle: () => boolean): Promise<void> {
    const { machine, service } = this.#user.guest;
    await this.#time.until(SETTLED_NS, () => idle() || this.#over());
    const waiting = this.#user.queues.filter((apqn) => {
      const status = machine.image.word(machine.image.queue(apqn) + Q_STATUS);
      return (status & STATUS_REPLIES) !== 0 && (status & STATUS_IRQ) === 0;
    });
    if (idle() || waiting.length === 0 || this.#over()) return;
    service.asked.clear();
    await this.#time.until(POLLS_NS, () => idle() || this.#over());
    if (!idle() && !this.#over())
      this.neglected = waiting.filter((apqn) => !service.asked.has(apqn));
  }

  async #repair(): Promise<void> {
    this.#user.writeAll(repairs(this.#user.queues));
    await this.#errands();
  }

  async #errands(): Promise<void> {
    await this.#time.until(ERRAND_NS, () => this.#user.errands === 0);
  }

  /** A request to each queue. Returns what failed, and how. */
  async #probe(queues: readonly number[]): Promise<Unrecovered[]> {
    if (this.#over()) return [];
    const sent = queues.flatMap((apqn) => {
      const fact = this.#user.request(apqn, undefined, true);
      return fact === undefined ? [] : [{ apqn, fact }];
    });
    const ended = (): boolean => sent.every(({ fact }) => fact.endings.length > 0);
    await this.#time.until(PROBE_NS, ended);
    if (this.#over()) return [];
    return sent.flatMap(({ apqn, fact }) => {
      const [ending] = fact.endings;
      const why = ending === undefined ? NO_ENDING : ending.error;
      return why === undefined ? [] : [{ apqn, why }];
    });
  }
}
