// SPDX-License-Identifier: Apache-2.0
// Tests whether a kernel's queues work again when the hardware is healthy: first as they are, then after what an administrator would do,
// then after a reset by hand. Also tests whether its counters are those of a kernel that has nothing to do.
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

/**
 * Nanoseconds: the 900 s after which Linux gives up a request, counted from the slowest reply of a scenario (400 s), and some for a reset.
 * Used if the guest's clock can be moved on. More would take longer than the minute that a busy computer has for a case.
 */
const GIVEN_UP_NS = 1_400 * NS_PER_SECOND;
/** Nanoseconds of the computer's time, if the clock cannot be moved. */
const PATIENCE_NS = 10 * NS_PER_SECOND;
/** Nanoseconds for a scan of the bus with its consequences, and for some polls of a queue, each of which comes within 40 ms. */
const SETTLED_NS = 6 * NS_PER_SECOND;
const POLLS_NS = 2 * NS_PER_SECOND;
/** Nanoseconds for a request to a healthy queue, which takes milliseconds. */
const PROBE_NS = 3 * NS_PER_SECOND;
/** Nanoseconds for two scans of the bus, and how often they may be needed, since a queue may be busy for 40 s. */
const REPAIR_NS = 12 * NS_PER_SECOND;
const REPAIRS = 5;
/** Nanoseconds after which all is freed that nobody can use any more (kfree_rcu collects for 5 s). */
const FREED_NS = 12 * NS_PER_SECOND;
const ERRAND_NS = 20 * NS_PER_SECOND;
/** How often a process is killed, and for how long each time is waited. */
const KILL_TIMES = 5;
const KILLED_NS = NS_PER_SECOND;

/** The word that oracles know for it. */
const NO_ENDING = 'no ending';

type Unrecovered = { readonly apqn: number; readonly why: string };

export class KernelRecovery {
  readonly #user: KernelUser;
  readonly #time: GuestTime;
  readonly #over: () => boolean;
  /** Queues on which a reply waited although nobody asked for it. */
  neglected: readonly number[] = [];
  /** Queues that ended a request with an error before anything was done about it. */
  refusing: readonly Unrecovered[] = [];

  /** `over` tells that the kernel has come to an end, so that what comes after means nothing. */
  constructor(user: KernelUser, time: GuestTime, over: () => boolean) {
    this.#user = user;
    this.#time = time;
    this.#over = over;
  }

  /** The queues that do not serve a request again. */
  async failed(): Promise<Outcome['unrecovered']> {
    const user = this.#user;
    user.write(SCAN.file, SCAN.text);
    const inPlace = user.guest.level === 'in place';
    const patience = inPlace ? GIVEN_UP_NS : PATIENCE_NS;
    const idle = (): boolean => user.open === 0 && user.errands === 0;
    if (inPlace) await this.#look(idle);
    await this.#time.until(patience, () => idle() || this.#over());
    if (this.#over()) return [];
    // A probe wakes a queue that has come to a stop. A request that ends only then has had all the time there is, so it is overdue.
    if (inPlace && user.open > 0) user.markOverdue();
    const broken = await this.#probe(user.queues);
    if (broken.length === 0) return [];
    // If something has not ended in this time, that may be the computer's fault.
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

  /** The counters of sysfs that are not 0, at a time when nothing is outstanding. */
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
   * Queues whose request_count is not the number of messages that the machine has taken from them since the moment. `before` has the
   * counts at the moment. This is valid only if the kernel has sent each message once.
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

  /** What processes are doing that have not ended seconds after they were killed. */
  async survivors(): Promise<readonly string[]> {
    const { agent } = this.#user.guest;
    for (let n = 0; n < KILL_TIMES; n++) {
      agent.kill();
      await this.#time.until(KILLED_NS, () => agent.survivors.length === 0);
      if (agent.survivors.length === 0 || this.#over()) return [];
    }
    return agent.survivors;
  }

  /** Number of objects in use of each cache. */
  async slabs(): Promise<SlabCounts> {
    const counts = new Map<string, number>();
    await this.#time.until(FREED_NS, () => false);
    const files = new Map(this.#user.guest.prepared.slabs.map((name) => [objectsFile(name), name]));
    this.#user.readNumbers([...files.keys()], (file, count) => {
      counts.set(files.get(file) ?? file, count);
    });
    await this.#errands();
    return counts;
  }

  /** Tests whether replies are polled for if no interruption announces them. */
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
    this.#user.writeAll(repairs(this.#user.queues, this.#user.guest.isHost));
    await this.#errands();
  }

  async #errands(): Promise<void> {
    await this.#time.until(ERRAND_NS, () => this.#user.errands === 0);
  }

  /** Makes a request to each queue. Returns the queues that failed, and how. */
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
