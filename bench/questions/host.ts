// SPDX-License-Identifier: Apache-2.0
// What does the host side cost: starting a machine, assigning an adapter on the largest one, saving and restoring a machine?
import { createMachine, type Machine } from '../../src/index.ts';
import { type Finding, type Question, type QuestionContext, valueFinding } from '../findings.ts';

const SIDE = 256;
const SIDE_SMOKE = 16;
const MDEVS = 64;
const MDEVS_SMOKE = 4;
const STARTS = 5;
const ASSIGNMENTS = 20;

const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, n) => from + n);

type Config = Readonly<Record<string, unknown>>;

/** Adapters and domains 0 to `side` - 1; guests with mdevs of these adapters and equal shares of the domains. */
const configOf = (
  side: number,
  guests: number,
  adaptersOf: (guest: number) => number[],
): Config => {
  const share = guests === 0 ? 0 : side / guests;
  const entries = numbers(guests).map((n) => [
    `Guest${n + 1}`,
    {
      memory: '64KiB',
      mdev: { adapters: adaptersOf(n), domains: numbers(share, n * share) },
    },
  ]);
  const adapters = numbers(side).map((apid) => [String(apid), { type: 'CEX8', mode: 'cca' }]);
  return {
    apemu: 1,
    machine: {
      adapters: Object.fromEntries(adapters),
      usageDomains: numbers(side),
      messageMemory: '1MiB',
    },
    guests: Object.fromEntries(entries),
  };
};

const timed = async (times: number[], action: () => Promise<Machine>): Promise<Machine> => {
  const start = performance.now();
  const machine = await action();
  times.push(performance.now() - start);
  return machine;
};

/** Starts machines one after the other. The first pays for what is loaded once. */
const measureStart = async (row: string, config: Config, starts: number): Promise<Finding> => {
  const times: number[] = [];
  for (let n = 0; n < starts; n++)
    (await timed(times, () => createMachine(config as Record<string, unknown>))).close();
  return valueFinding(row, times);
};

const assignTimes = (machine: Machine, apid: number): number[] => {
  const times: number[] = [];
  const path = `/sys/devices/vfio_ap/matrix/${machine.guests[0].uuid}`;
  for (let n = 0; n < ASSIGNMENTS; n++) {
    const start = performance.now();
    const outcome = machine.write(`${path}/assign_adapter`, `${apid}\n`);
    times.push(performance.now() - start);
    if (outcome !== 'ok') throw new Error(`assign_adapter ended with ${outcome}`);
    machine.write(`${path}/unassign_adapter`, `${apid}\n`);
  }
  return times;
};

/** The first mdev lacks the last adapter, which is then assigned and taken away again. */
const measureAssign = async (context: QuestionContext): Promise<Finding[]> => {
  const side = context.smoke ? SIDE_SMOKE : SIDE;
  const guests = context.smoke ? MDEVS_SMOKE : MDEVS;
  const config = configOf(side, guests, (n) => numbers(n === 0 ? side - 1 : side));
  const machine = await createMachine(config as Record<string, unknown>);
  const times = assignTimes(machine, side - 1);
  machine.close();
  return [valueFinding('assign-adapter', times)];
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const small = configOf(4, 2, () => numbers(4));
  if (variant === 'small') return [await measureStart('start-small', small, STARTS)];
  if (variant === 'assign') return measureAssign(context);
  const side = context.smoke ? SIDE_SMOKE : SIDE;
  return [
    await measureStart(
      'start-largest',
      configOf(side, 0, () => []),
      2,
    ),
  ];
};

export const host: Question = { name: 'host', variants: ['small', 'largest', 'assign'], measure };
