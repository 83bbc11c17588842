// SPDX-License-Identifier: Apache-2.0
// The driver under test as its user holds it: requests and their endings, closing, scans. An exception in these counts too.
import type { Cpu } from '../../guest/cpu.ts';
import type { DriverProgram, QueueBelief } from '../../guest/driver.ts';
import type { Machine } from '../../host/machine/machine.ts';
import type { RunningProgram } from '../../host/machine/stepper.ts';
import type { UserEvent } from '../../program/events.ts';
import type { DriverUser } from '../user.ts';
import { type Thrown, thrownOf } from './guarded.ts';

/** A line of a driver's log, with the machine's time. */
export interface LogLine {
  readonly atNs: number;
  readonly text: string;
}

export interface HandleOptions {
  /** Undefined for a program without the contract, of which nothing is asked. */
  readonly driver: DriverProgram | undefined;
  /** One program for each of the guest's vCPUs. The first one takes the requests. */
  readonly programs: readonly RunningProgram[];
  readonly user: DriverUser;
  readonly machine: Machine;
  readonly startNs: () => number;
  readonly threw: (thrown: Thrown) => void;
}

export class DriverHandle {
  readonly #options: HandleOptions;

  constructor(options: HandleOptions) {
    this.#options = options;
  }

  /** Takes the requests that have ended. */
  collect(state: unknown): void {
    const { driver, user } = this.#options;
    const endings = driver?.endings(state);
    if (endings !== undefined && endings.length > 0) user.ended(endings, this.#now());
  }

  /** Does what the user does in a scenario. */
  act(event: UserEvent): void {
    const { user, driver } = this.#options;
    if (user.closed) return;
    if (event.kind === 'close') {
      this.close();
      return;
    }
    if (driver === undefined || event.kind !== 'request') return;
    for (const request of user.requests(event, this.#now()))
      this.#tell((one, cpu, state) => one.submit(cpu, state, request));
  }

  /** Makes one request to a queue, to see whether the driver works. Returns its number. */
  probe(apqn: number): number {
    const request = this.#options.user.request(apqn, undefined, this.#now(), true);
    this.#tell((driver, cpu, state) => driver.submit(cpu, state, request));
    return request.id;
  }

  close(): void {
    const { user } = this.#options;
    if (user.closed) return;
    user.closed = true;
    this.#tell((driver, cpu, state) => driver.close?.(cpu, state));
  }

  scan(): void {
    this.#tell((driver, cpu, state) => driver.scan?.(cpu, state));
  }

  isGone(apqn: number): boolean {
    const { driver, programs } = this.#options;
    return driver?.gone?.(programs[0]?.state, apqn) ?? false;
  }

  /** Returns a function that tells what the driver believes of queues; undefined for a driver that does not tell. */
  beliefs(): ((apqn: number) => QueueBelief) | undefined {
    const { driver, programs } = this.#options;
    const state = programs[0]?.state;
    return driver?.believes === undefined ? undefined : (apqn) => driver.believes!(state, apqn);
  }

  /** What the driver holds, by name, without what is 0. */
  held(): Record<string, number> {
    const { driver, programs, threw } = this.#options;
    try {
      const held = driver?.resources?.(programs[0]?.state) ?? {};
      return Object.fromEntries(Object.entries(held).filter(([, count]) => count !== 0));
    } catch (error) {
      threw(thrownOf(error));
      return {};
    }
  }

  /** Where the driver's code is now; undefined for a driver that does not tell. */
  place(): string | undefined {
    const { driver, programs } = this.#options;
    return driver?.place?.(programs[0]?.state);
  }

  /** What the driver has logged, if it logs. */
  log(): readonly LogLine[] {
    const { driver, programs } = this.#options;
    return driver?.log?.(programs[0]?.state) ?? [];
  }

  #now(): number {
    return this.#options.machine.nowNs() - this.#options.startNs();
  }

  /** Calls into the driver outside its step. Its next step follows at once. */
  #tell(action: (driver: DriverProgram, cpu: Cpu, state: unknown) => void): void {
    const { driver, programs, machine, threw } = this.#options;
    const [running] = programs;
    if (driver === undefined || running === undefined) return;
    try {
      action(driver, running.cpu, running.state);
      this.collect(running.state);
    } catch (error) {
      threw(thrownOf(error));
    }
    if (!running.done) running.nextNs = Math.min(running.nextNs, machine.nowNs());
  }
}
