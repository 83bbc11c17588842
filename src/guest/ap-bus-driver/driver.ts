// SPDX-License-Identifier: Apache-2.0
// The reference AP bus driver as a guest program: start of the bus, one bounded step, end of the workload.
// Source: docs/reference/ap-architecture.md section 5.2 (start), 5.3, 5.5; kernels as in kernels.ts.

import { STFLE_AQIC } from '../../../native-like/arch/facilities.ts';
import {
  MAX_ADAPTER_WITHOUT_APXA,
  MAX_DOMAIN_WITHOUT_APXA,
  PAGE_BYTES,
} from '../../../native-like/arch/limits.ts';
import {
  QCI_AQM,
  QCI_BYTES,
  QCI_FLAG_N,
  QCI_FLAGS,
  QCI_NA,
  QCI_ND,
} from '../../../native-like/arch/qci.ts';
import { ApemuError } from '../../errors.ts';
import { NS_PER_SECOND } from '../../units.ts';
import { type Args, badArgument, flagArg, integerArg, wordArg } from '../arguments.ts';
import { type Cpu, type GuestProgram, WAIT_DONE, WAIT_NOTHING, type Wait } from '../cpu.ts';
import { tapq } from '../instructions.ts';
import type { Workload } from '../workloads/workload.ts';
import { type Bus, createBus } from './bus.ts';
import { takeChannelReports } from './channel-reports.ts';
import { fetchConfiguration } from './configuration.ts';
import { KERNELS, type KernelName, REQUEST_TIMEOUT_NS, SCAN_INTERVAL_NS } from './kernels.ts';
import type { ApBusArgs } from './options.ts';
import { runArrivals } from './pace.ts';
import { nextWakeNs, pollAll, refillAll, runTimers, takeInterruptions } from './poll.ts';
import { runScan } from './scan.ts';
import { type ApBusState, type QueueState, REPORT_NONE, SCAN_NONE, SCAN_START } from './state.ts';
import { createStatistics } from './statistics.ts';
import { serveUser } from './user.ts';

/** Number of instructions after which a step ends. The event in progress may exceed it a little. */
const DRIVER_STEP_INSTRUCTIONS = 256;
/** How many of these a scan may use, so that it does not hold up the queues. */
const SCAN_INSTRUCTIONS = 64;

const KERNEL_NAMES = Object.keys(KERNELS) as KernelName[];
const DEFAULT_KERNEL: KernelName = '6.12';
const DEFAULT_BASE = 0x10000;
/** Offsets in the driver's storage, from its base. */
const NIB_OFFSET = 0x18;
const QCI_OFFSET = 0x80;
const BUFFERS_OFFSET = 0x1000;

const OWNER = 'ap-bus';

/**
 * The workload's name and arguments: `workload` is a name, or a mapping as the configuration file has it (with `name`), whose
 * keys go before the program's own arguments.
 */
const workloadOf = (args: Args): { name: string; args: Record<string, unknown> } => {
  const value = args['workload'] ?? 'loopback';
  if (typeof value === 'string') return { name: value, args: { ...args } };
  if (typeof value !== 'object' || value === null || !('name' in value)) {
    throw badArgument(OWNER, 'workload', 'a name or a mapping with a name', value);
  }
  return { name: String(value.name), args: { ...args, ...value } };
};

const rateOf = (args: Args): number => {
  const rate = args['ratePerSecond'];
  if (rate === undefined) return 0;
  if (typeof rate === 'number' && rate > 0 && Number.isFinite(rate)) return rate;
  throw badArgument(OWNER, 'ratePerSecond', 'a number above 0', rate);
};

/** The argument `arrivalTimesNs`. */
const arrivalTimesOf = (args: Args): number[] | undefined => {
  const times = args['arrivalTimesNs'];
  if (times === undefined) return undefined;
  const ascends = (time: unknown, n: number, all: readonly unknown[]): boolean =>
    typeof time === 'number' && Number.isFinite(time) && time >= (n === 0 ? 0 : Number(all[n - 1]));
  if (Array.isArray(times) && times.length > 0 && times.every(ascends)) return times;
  throw badArgument(OWNER, 'arrivalTimesNs', 'ascending times in nanoseconds', typeof times);
};

/** The argument `queues`: APQNs (numbers) the workload runs on. */
const queuesOf = (args: Args): number[] | undefined => {
  const value = args['queues'];
  if (value === undefined) return undefined;
  const valid = (apqn: unknown): boolean => Number.isInteger(apqn) && Number(apqn) >>> 16 === 0;
  if (Array.isArray(value) && value.every(valid)) return value.map(Number);
  throw badArgument(OWNER, 'queues', 'a list of APQNs as numbers', value);
};

/** The state of a driver that has not run yet. The workload is given all arguments and takes those it knows. */
export const createApBusState = (args: Args & ApBusArgs): ApBusState => {
  const kernel = wordArg(OWNER, args, 'kernel', KERNEL_NAMES, DEFAULT_KERNEL);
  const workload = workloadOf(args);
  const integer = (name: string, normal: number, low: number, high: number): number =>
    integerArg(OWNER, args, name, { normal, low, high });
  const flag = (name: string, normal: boolean): boolean => flagArg(OWNER, args, name, normal);
  const base = integer('base', DEFAULT_BASE, 0x2000, 0x7fff0000);
  return {
    kernel,
    workload: workload.name,
    workloadArgs: workload.args,
    outstanding: integerArg(OWNER, workload.args, 'outstanding', { normal: 32, low: 1, high: 32 }),
    ratePerSecond: rateOf(workload.args),
    arrivals: wordArg(OWNER, workload.args, 'arrivals', ['fixed', 'poisson'], 'fixed'),
    arrivalTimesNs: arrivalTimesOf(workload.args),
    workloadQueues: queuesOf(args),
    paceNs: 0,
    paceOriginNs: 0,
    paceTurn: 0,
    paceRandom: Math.imul(integer('seed', 1, 0, 0xffffffff) + 1, 0x9e3779b1) | 1,
    firstMessageNs: 0,
    lastReplyNs: 0,
    arrived: 0,
    overrun: 0,
    user: undefined,
    requestTimeoutNs:
      integer('requestTimeout', REQUEST_TIMEOUT_NS / NS_PER_SECOND, 1, 86_400) * NS_PER_SECOND,
    useIrq: flag('useIrq', true),
    pollThread: flag('pollThread', false),
    endWhenDone: flag('endWhenDone', true),
    scanIntervalNs: integer('configTime', SCAN_INTERVAL_NS / NS_PER_SECOND, 5, 120) * NS_PER_SECOND,
    highPollNs: integer('pollTimeoutNs', KERNELS[kernel].highPollNs, 1, 120 * NS_PER_SECOND),
    started: false,
    ended: false,
    crashed: '',
    apInstalled: false,
    irq: false,
    nibAddress: base + NIB_OFFSET,
    qciAddress: base + QCI_OFFSET,
    reportAddress: (base - PAGE_BYTES) & -PAGE_BYTES,
    reportPart: REPORT_NONE,
    configEvents: 0,
    qci: new Uint8Array(QCI_BYTES),
    maxApid: MAX_ADAPTER_WITHOUT_APXA,
    maxApqi: MAX_DOMAIN_WITHOUT_APXA,
    defaultDomain: integer('domain', -1, -1, 255),
    driversLoaded: false,
    scans: 0,
    configChanges: 0,
    scanPart: SCAN_NONE,
    scanApid: 0,
    scanApqi: 0,
    scanNs: 0,
    pollNs: 0,
    timeoutNs: 0,
    pollDue: false,
    pollCursor: -1,
    pollWait: 0,
    refillDue: false,
    interruptions: 0,
    polls: 0,
    psmidCounter: 0,
    nextAddress: base + BUFFERS_OFFSET,
    areas: [],
    cards: [],
    queues: [],
    retired: createStatistics(),
  };
};

/** Sets the highest ids from na and nd of QCI, with APXA and if they are not zero. */
const readLimits = (state: ApBusState): void => {
  const extended = (state.qci[QCI_FLAGS] << 24) & QCI_FLAG_N;
  if (extended === 0) return;
  if (state.qci[QCI_NA] !== 0) state.maxApid = state.qci[QCI_NA];
  if (state.qci[QCI_ND] !== 0) state.maxApqi = state.qci[QCI_ND];
};

/** Drops a default domain that was asked for and that the guest cannot use. */
const checkDefaultDomain = (state: ApBusState): void => {
  const domain = state.defaultDomain;
  if (domain < 0) return;
  const hasQci = state.qci.some((byte) => byte !== 0);
  const usable =
    domain <= state.maxApqi &&
    (!hasQci || (state.qci[QCI_AQM + (domain >> 3)] & (0x80 >> (domain & 7))) !== 0);
  if (!usable) state.defaultDomain = -1;
};

/** Starts the bus (section 5.2): is AP there, configuration, interruptions, first scan. */
const start = (bus: Bus): void => {
  const { state, ap } = bus;
  state.started = true;
  tapq(ap, 0, false);
  state.apInstalled = ap.programInterruption === 0;
  if (!state.apInstalled) return;
  fetchConfiguration(bus);
  readLimits(state);
  checkDefaultDomain(state);
  ap.cpu.enableMachineChecks(true);
  state.irq = state.useIrq && ap.cpu.facility(STFLE_AQIC);
  if (state.irq) bus.storage[state.nibAddress] = 0;
  state.scanPart = SCAN_START;
};

/** Whether the workload has ended on this queue, or cannot run on it. */
const queueDone = (queue: QueueState): boolean => {
  if (queue.driver === '' || !queue.config || queue.chkstop) return true;
  return queue.finished && queue.slots.freeCount === queue.slots.capacity;
};

/** Whether the workload has ended on every usable queue. */
export const workloadDone = (state: ApBusState): boolean =>
  state.started && state.scanPart === SCAN_NONE && state.queues.every(queueDone);

/** What the driver waits for after a step in which it did all it could. */
const waitOf = (bus: Bus): Wait => {
  const { state } = bus;
  if (state.user?.closed === true || (state.endWhenDone && workloadDone(state))) {
    state.ended = true;
    return WAIT_DONE;
  }
  return nextWakeNs(bus);
};

const runStep = (bus: Bus): Wait => {
  const { state, ap } = bus;
  if (!state.started) start(bus);
  if (!state.apInstalled) {
    state.ended = true;
    return WAIT_DONE;
  }
  const reported = takeChannelReports(bus);
  takeInterruptions(bus);
  runTimers(bus);
  runArrivals(bus);
  if (state.scanPart === SCAN_NONE && ap.cpu.nowNs() >= state.scanNs) state.scanPart = SCAN_START;
  bus.limit = ap.executed + SCAN_INSTRUCTIONS;
  let finished = runScan(bus);
  bus.limit = ap.executed + DRIVER_STEP_INSTRUCTIONS;
  if (state.user !== undefined) serveUser(bus, state.user);
  if (finished && state.refillDue) refillAll(bus);
  if (state.pollDue || state.pollCursor >= 0) finished = pollAll(bus) && finished;
  if (!finished || !reported || state.pollDue || state.refillDue) return WAIT_NOTHING;
  return waitOf(bus);
};

const buses = new WeakMap<ApBusState, Bus>();

/** The working view of a state on a CPU. It is made anew for a state that was restored or has moved to another CPU. */
export const busOf = (cpu: Cpu, state: ApBusState, workloads: readonly Workload[]): Bus => {
  let bus = buses.get(state);
  if (bus === undefined || bus.ap.cpu !== cpu) {
    if (cpu.reportedStorage.length < state.nextAddress) {
      throw new ApemuError(
        'APEMU_ERR_GUEST_MEMORY',
        `ap-bus needs guest memory up to ${state.nextAddress.toString(16)}, there are ${cpu.reportedStorage.length.toString(16)} bytes`,
      );
    }
    bus = createBus(cpu, state, workloads);
    bus.limit = Number.MAX_SAFE_INTEGER;
    buses.set(state, bus);
  }
  return bus;
};

/** Makes the driver, as a guest program, with a set of workloads, one of which the argument `workload` names. */
export const createApBusDriver = (workloads: readonly Workload[]): GuestProgram<ApBusState> => ({
  name: 'ap-bus',
  init: (args) => createApBusState(args),
  step(cpu, state) {
    if (state.ended) return WAIT_DONE;
    const bus = busOf(cpu, state, workloads);
    const wait = runStep(bus);
    if (state.crashed === '') return wait;
    state.ended = true;
    return WAIT_DONE;
  },
});
