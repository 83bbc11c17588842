// SPDX-License-Identifier: Apache-2.0
// How many cases a second does a driver under test run through, each from the kept moment to its end and judged: with its code counted,
// without, and with a new machine for each?
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../src/config/load.ts';
import { mutate } from '../../src/fuzz/mutate.ts';
import { Random } from '../../src/lpar/random.ts';
import { judge } from '../../src/oracle/oracles.ts';
import type { EventStatement } from '../../src/program/ast.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { loadDriver } from '../../src/target/program/loaded-driver.ts';
import { ProgramTarget } from '../../src/target/program/program-target.ts';
import { type Finding, notMeasured, type Question, type QuestionContext } from '../findings.ts';
import { measureRounds, type Pace, ratios } from '../measure/rounds.ts';
import { median, quartiles } from '../measure/statistics.ts';
import { kernelCases } from './kernel-cases.ts';

const CONFIG = `
apemu: 1
machine:
  adapters: { 5: { type: CEX8, mode: cca, service: { time: 300us } } }
  usageDomains: [4, 0x47]
guests:
  Guest1: { memory: 512KiB, mdev: { adapters: [5], domains: [4, 0x47] } }
`;
const TEN_REQUESTS = 'user: request x10\n';
/** Scenarios that a campaign would make of it. */
const CHANGED = 64;
/** A case takes as long as thousands of instructions, and its code is compiled after thousands of cases. */
const PACE: Partial<Pace> = { sliceMs: 60, warmupMs: 3000 };
const NEW_MACHINES = 8;
const NS_PER_SECOND = 1e9;

/** The example driver in C, from the sources or from the build. */
const cDriver = (): string =>
  ['../../examples', '../../../examples']
    .map((up) => fileURLToPath(new URL(`${up}/c-driver/driver.wasm`, import.meta.url)))
    .find((file) => existsSync(file)) ?? 'driver.wasm';

const targetFor = async (counted: boolean, name = 'ap-bus'): Promise<ProgramTarget> => {
  const driver = await loadDriver(await bundleDriver(name, counted));
  return await ProgramTarget.create({ config: parseConfig(CONFIG, 'bench.yaml').config, driver });
};

const runCase = (target: ProgramTarget, events: readonly EventStatement[]): void => {
  target.reset();
  const violation = judge(target.run(events));
  if (violation !== undefined) throw new Error(`the driver ${violation.did}`);
};

/** Cases a second, each on a machine of its own. */
const newMachines = async (events: readonly EventStatement[], count: number): Promise<number> => {
  const driver = await loadDriver(await bundleDriver('ap-bus', false));
  const { config } = parseConfig(CONFIG, 'bench.yaml');
  const start = performance.now();
  for (let n = 0; n < count; n++) {
    const target = await ProgramTarget.create({ config, driver });
    runCase(target, events);
    target.close();
  }
  return (count * 1000) / (performance.now() - start);
};

/** A kernel's cases cannot be shuffled into the rounds: they are compared with the median of the others. */
const kernelRow = (found: readonly number[] | string, base: number): Finding => {
  if (typeof found === 'string') return notMeasured('fuzz-kernel', found);
  const faster = found.map((rate) => rate / base);
  return {
    row: 'fuzz-kernel',
    value: median(found),
    ratio: median(faster),
    spread: quartiles(faster),
  };
};

const measure = async (_variant: string, context: QuestionContext): Promise<Finding[]> => {
  const counted = await targetFor(true);
  const plain = await targetFor(false);
  const inC = await targetFor(true, cDriver());
  const ten = parseScenarioLines(TEN_REQUESTS);
  runCase(counted, ten);
  const known = { space: counted.space, seen: counted.seen(), wanted: [] };
  const changed = Array.from({ length: CHANGED }, (_, n) =>
    mutate(new Random(1, n), ten, ten, known),
  );
  const times = measureRounds(
    [
      { name: 'counted', operations: 1, run: () => runCase(counted, ten) },
      { name: 'plain', operations: 1, run: () => runCase(plain, ten) },
      { name: 'in C', operations: 1, run: () => runCase(inC, ten) },
      {
        name: 'changed',
        operations: CHANGED,
        run: () => {
          for (const events of changed) runCase(counted, events);
        },
      },
    ],
    context.smoke ? context.pace : { ...context.pace, ...PACE },
  );
  const machines = await newMachines(ten, context.smoke ? 1 : NEW_MACHINES);
  const kernel = await kernelCases(ten, context.smoke);
  counted.close();
  plain.close();
  inC.close();
  const rates = (name: string): number[] =>
    (times.get(name) as readonly number[]).map((ns) => NS_PER_SECOND / ns);
  /** How many times as fast `name` is as `base`, round by round. */
  const fasterThan = (name: string, base: string): number[] => ratios(times, base, name);
  const row = (id: string, name: string, faster: readonly number[]): Finding => ({
    row: id,
    value: median(rates(name)),
    ratio: median(faster),
    spread: quartiles(faster),
  });
  return [
    row('fuzz-counted', 'counted', fasterThan('counted', 'plain')),
    row('fuzz-c', 'in C', fasterThan('in C', 'counted')),
    kernelRow(kernel, median(rates('counted'))),
    row('fuzz-changed', 'changed', fasterThan('changed', 'counted')),
    row(
      'fuzz-plain',
      'plain',
      rates('plain').map((rate) => rate / machines),
    ),
  ];
};

export const fuzz: Question = { name: 'fuzz', variants: ['ten-requests'], measure };
