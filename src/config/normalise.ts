// SPDX-License-Identifier: Apache-2.0
// From a configuration of the right shape to a complete one: units converted, defaults applied, lists sorted.
// Source: docs/design.md section 5; defaults from ap-architecture.md AD-20, AD-21, AD-24.

import { adapterType } from '../../native-like/arch/adapter-types.ts';
import { DEFAULT_DEPTH } from '../../native-like/arch/limits.ts';
import { WORKLOAD_NAMES } from '../cex/messages/workloads.ts';
import { RELEASES } from '../s390-tools/releases.ts';
import { normaliseMdev } from './normalise-mdev.ts';
import { isAbsolutePath, joinPath } from './paths.ts';
import {
  GUEST_FACILITIES,
  type RawAdapter,
  type RawConfig,
  type RawGuest,
  type RawService,
  type RawWorkload,
} from './schema.ts';
import { MAX_APID } from './schema-parts.ts';
import type { Path, Report } from './source.ts';
import type {
  AdapterConfig,
  GuestConfig,
  HostConfig,
  MachineProfileName,
  PartitionConfig,
  ServiceConfig,
  ServiceModelName,
  SwitchValue,
  WorkloadConfig,
} from './types.ts';
import { parseDurationNs, parseMemory, parseNumber } from './units.ts';

/** Values that are used if a file does not set them. */
const DEFAULTS = {
  profile: 'z16',
  seed: 1,
  messageMemory: 64 * 2 ** 20,
  guestMemory: 16 * 2 ** 20,
  vcpus: 1,
  depth: DEFAULT_DEPTH,
  engines: 8,
  workloadMessages: 1000,
  workloadLength: 64,
  timing: { rapqNs: 1_000_000, zapqNs: 5_000_000, aqicNs: 100_000 },
} as const;

/** The card generation of each machine. Source: ap-architecture.md section 4.6; z13 CEX5S ... z16 CEX8S. */
const PROFILE_TYPE: Readonly<Record<MachineProfileName, number>> = {
  z13: 11,
  z14: 12,
  z15: 13,
  z16: 14,
};

const ascending = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);
const durationNs = (value: unknown) => parseDurationNs(value as string | number) ?? 0;

export function normalisePartition(raw: RawConfig['machine'], report: Report): PartitionConfig {
  const profile = raw?.profile ?? DEFAULTS.profile;
  const timing = raw?.timing ?? {};
  const time = (value: unknown, fallback: number) =>
    value === undefined ? fallback : durationNs(value);
  return {
    profile,
    adapters: normaliseAdapters(raw?.adapters ?? {}, profile, report),
    usageDomains: ascending(raw?.usageDomains ?? []),
    controlDomains: ascending(raw?.controlDomains ?? []),
    seed: raw?.seed ?? DEFAULTS.seed,
    messageMemory: parseMemory(raw?.messageMemory ?? DEFAULTS.messageMemory) ?? 0,
    timing: {
      rapqNs: time(timing.rapq, DEFAULTS.timing.rapqNs),
      zapqNs: time(timing.zapq, DEFAULTS.timing.zapqNs),
      aqicNs: time(timing.aqic, DEFAULTS.timing.aqicNs),
    },
    allowGuestDamage: raw?.allowGuestDamage ?? false,
  };
}

function normaliseAdapters(
  raw: Readonly<Record<string, RawAdapter>>,
  profile: MachineProfileName,
  report: Report,
): ReadonlyMap<number, AdapterConfig> {
  const found = new Map<number, AdapterConfig>();
  const notations = new Map<number, string>();
  for (const [key, adapter] of Object.entries(raw)) {
    const path: Path = ['machine', 'adapters', key];
    const apid = parseNumber(key);
    if (apid === undefined || apid > MAX_APID) {
      report('RANGE', path, `${key} is no adapter number`, `a number from 0 to ${MAX_APID}`, true);
      continue;
    }
    const earlier = notations.get(apid);
    if (earlier !== undefined) {
      report('DUPLICATE_KEY', path, `${key} is the same adapter as ${earlier}`, undefined, true);
      continue;
    }
    notations.set(apid, key);
    found.set(apid, normaliseAdapter(apid, adapter, profile, path, report));
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

function normaliseAdapter(
  apid: number,
  raw: RawAdapter,
  profile: MachineProfileName,
  path: Path,
  report: Report,
): AdapterConfig {
  const type = raw.type ?? PROFILE_TYPE[profile];
  return {
    apid,
    type: typeof type === 'number' ? type : (adapterType(type)?.number ?? 0),
    mode: raw.mode,
    depth: raw.depth ?? DEFAULTS.depth,
    ml: raw.ml,
    functions: raw.functions,
    serial: raw.serial,
    service: normaliseService(raw.service ?? {}, [...path, 'service'], report),
    configured: raw.config !== false && raw.config !== 'off',
  };
}

function normaliseService(raw: RawService, path: Path, report: Report): ServiceConfig {
  const model: ServiceModelName = raw.model ?? (raw.time === undefined ? 'instant' : 'fixed');
  const timed = model === 'fixed' || model === 'lognormal';
  if (timed && raw.time === undefined) {
    report('COMBINATION', path, `the service model ${model} needs a time`, 'time: 100us');
  }
  if (!timed && raw.time !== undefined) {
    report(
      'COMBINATION',
      [...path, 'time'],
      `the service model ${model} takes no time`,
      undefined,
      true,
    );
  }
  if (model !== 'lognormal' && raw.sigma !== undefined) {
    report(
      'COMBINATION',
      [...path, 'sigma'],
      `the service model ${model} takes no sigma`,
      undefined,
      true,
    );
  }
  return {
    model,
    timeNs: durationNs(raw.time ?? 0),
    sigma: model === 'lognormal' ? (raw.sigma ?? 0.5) : 0,
    engines: raw.engines ?? DEFAULTS.engines,
    order: raw.order ?? 'completion',
  };
}

export function normaliseHost(raw: RawConfig['host'], report: Report): HostConfig {
  for (const key of ['apmask', 'aqmask'] as const) checkMask(raw?.[key] ?? '', key, report);
  return {
    kernel: raw?.kernel ?? 'current',
    apmask: raw?.apmask,
    aqmask: raw?.aqmask,
    s390Tools: releaseName(raw?.s390Tools),
    switches: (raw?.switches ?? {}) as Readonly<Record<string, SwitchValue>>,
  };
}

/** YAML reads 2.40 as the number 2.4; no two releases are the same number. */
const releaseName = (given: string | number | undefined): string | undefined =>
  given === undefined
    ? undefined
    : RELEASES.find(({ name }) => Number(name) === Number(given))?.name;

/** The ranges of a relative mask; its notation is the schema's business. Source: vfio-ap.md section 3.1. */
function checkMask(mask: string, key: 'apmask' | 'aqmask', report: Report): void {
  const path: Path = ['host', key];
  if (!/^[+-]/.test(mask)) return;
  for (const [, first, last] of mask.matchAll(
    /[+-](0[xX][0-9a-fA-F]+|\d+)(?:-(0[xX][0-9a-fA-F]+|\d+))?/g,
  )) {
    const [from, to] = [Number(first), Number(last ?? first)];
    if (Math.max(from, to) > MAX_APID) {
      report('RANGE', path, `host.${key} names ${Math.max(from, to)}`, 'numbers from 0 to 255');
    } else if (from > to) {
      report('RANGE', path, `host.${key} has the range ${from}-${to}`, 'an ascending range');
    }
  }
}

/** @param number the guest's place in the file, from 1; it makes the default UUID. */
export function normaliseGuest(
  name: string,
  number: number,
  raw: RawGuest,
  directory: string,
  report: Report,
): GuestConfig {
  const path: Path = ['guests', name];
  if (raw.incoming === true) checkIncoming(name, raw, path, report);
  return {
    name,
    uuid: raw.uuid?.toLowerCase() ?? defaultUuid(number),
    vcpus: raw.vcpus ?? DEFAULTS.vcpus,
    memory: parseMemory(raw.memory ?? DEFAULTS.guestMemory) ?? 0,
    ...normaliseMdev(raw.mdev, [...path, 'mdev'], report),
    incoming: raw.incoming ?? false,
    program: raw.program === undefined ? undefined : resolveProgram(raw.program, directory),
    facilities: ascending(raw.facilities ?? GUEST_FACILITIES),
    aiv: raw.aiv ?? true,
    gisaFormat: raw.gisaFormat ?? 1,
    apie: raw.apie ?? true,
    spread: raw.spread ?? false,
    secureExecution:
      raw.secureExecution === undefined
        ? undefined
        : { secrets: ascending(raw.secureExecution.secrets ?? []) },
    workload: normaliseWorkload(
      raw.workload,
      !isPath(raw.program ?? ''),
      [...path, 'workload'],
      report,
    ),
    args: raw.args ?? {},
  };
}

/** What is said of a guest where it comes to; everything else is said where it comes from. */
const INCOMING_KEYS: readonly string[] = ['incoming', 'mdev'];

function checkIncoming(name: string, raw: RawGuest, path: Path, report: Report): void {
  for (const key of Object.keys(raw).filter((key) => !INCOMING_KEYS.includes(key)))
    report(
      'COMBINATION',
      [...path, key],
      `${name} comes from another machine, which says its ${key}`,
      'incoming and mdev alone',
      true,
    );
}

/** `00000000-0000-4000-8000-` and the guest's number in 12 digits. */
const defaultUuid = (number: number): string =>
  `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Workloads that built-in programs know. */
const WORKLOADS: readonly string[] = ['loopback', ...WORKLOAD_NAMES];

/** Whether a program is a file; else it is built in. */
const isPath = (program: string): boolean =>
  program.includes('/') || /\.(?:ap|[cm]?[jt]s)$/.test(program);

/** A name is left as it is. A path is relative to the file that contains it. */
function resolveProgram(program: string, directory: string): string {
  return !isPath(program) || isAbsolutePath(program) ? program : joinPath(directory, program);
}

function normaliseWorkload(
  raw: RawGuest['workload'],
  isBuiltIn: boolean,
  path: Path,
  report: Report,
): WorkloadConfig | undefined {
  if (raw === undefined) return undefined;
  const workload: RawWorkload = typeof raw === 'string' ? { name: raw } : (raw as RawWorkload);
  const length = workload.length ?? DEFAULTS.workloadLength;
  const [minLength, maxLength] = Array.isArray(length) ? length : [length, length];
  if (isBuiltIn && !WORKLOADS.includes(workload.name)) {
    const at = typeof raw === 'string' ? path : [...path, 'name'];
    const expected = `one of ${WORKLOADS.join(', ')}`;
    report('WORKLOAD', at, `there is no workload ${workload.name}`, expected);
  }
  if (minLength > maxLength) {
    report(
      'RANGE',
      [...path, 'length'],
      `${minLength} is above ${maxLength}`,
      '[shortest, longest]',
    );
  }
  if (workload.arrivals !== undefined && workload.rate === undefined) {
    report('COMBINATION', [...path, 'arrivals'], 'arrivals need a rate', 'rate: 1000', true);
  }
  return {
    name: workload.name,
    messages: workload.messages ?? DEFAULTS.workloadMessages,
    minLength,
    maxLength,
    ratePerSecond: workload.rate,
    arrivals: workload.arrivals ?? 'fixed',
    outstanding: workload.outstanding,
  };
}
