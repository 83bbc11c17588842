// SPDX-License-Identifier: Apache-2.0
// Configurations in: YAML text, file or plain object. Out: a checked, complete, frozen MachineConfig, or all mistakes at once.
// Source: docs/design.md section 5.

import { checkFaults, checkWhole, type Warn, warnAbout } from './checks.ts';
import { buildCluster, hasMachines } from './cluster.ts';
import { normaliseFault } from './faults.ts';
import { type Mistake, MistakesError } from './mistakes.ts';
import { normaliseGuest, normaliseHost, normalisePartition } from './normalise.ts';
import { directoryOf } from './paths.ts';
import { ConfigSchema, type RawConfig, type RawFault } from './schema.ts';
import { type Report, type Source, sourceFromObject, sourceFromYaml } from './source.ts';
import { CONFIGURATION, readText } from './text-file.ts';
import type {
  ConfigWarning,
  FaultConfig,
  LoadedCluster,
  LoadedConfig,
  MachineConfig,
} from './types.ts';
import { validate } from './validate.ts';

/** How a plain object is called in messages. */
const OBJECT_NAME = 'configuration';

/**
 * Reads a YAML text. `file` is used in messages and to resolve relative program paths.
 * @throws MistakesError with every mistake of the text, codes `APEMU_ERR_CONFIG_…`.
 */
export function parseConfig(text: string, file: string): LoadedConfig {
  return buildOne(sourceFromYaml(text, file), file);
}

/** As `parseConfig`, but a text with `machines:` is a cluster. */
export function parseConfigOrCluster(text: string, file: string): LoadedConfig | LoadedCluster {
  const source = sourceFromYaml(text, file);
  return hasMachines(source) ? buildCluster(source, file, build) : buildOne(source, file);
}

/**
 * Takes the same keys as a plain object (`{ machine: { adapters: { 5: { mode: 'cca' } } } }`); `apemu: 1` may be left out.
 * @throws MistakesError; places are the paths of the values.
 */
export function configFromObject(object: unknown): LoadedConfig {
  const isMapping = object !== null && typeof object === 'object' && !Array.isArray(object);
  const value = isMapping ? { apemu: 1, ...object } : object;
  return buildOne(sourceFromObject(value, OBJECT_NAME), undefined);
}

/**
 * A cluster from an object: `{ machines: { A: { … }, B: { … } } }`.
 *
 * @throws MistakesError
 */
export function clusterFromObject(object: unknown): LoadedCluster {
  const isMapping = object !== null && typeof object === 'object' && !Array.isArray(object);
  const value = isMapping ? { apemu: 1, ...object } : object;
  return buildCluster(sourceFromObject(value, OBJECT_NAME), undefined, build);
}

/** A fault as a plain object with the keys of a configuration file: `{ guest: 'A', on: 'dqap', rc: 5, count: 1 }`. */
export type FaultObject = RawFault;

/**
 * Checks a fault for a machine of this configuration.
 * @throws MistakesError as for a configuration that holds it
 */
export function faultFromObject(object: FaultObject, config: MachineConfig): FaultConfig {
  const source = sourceFromObject({ apemu: 1, faults: [object] }, 'fault');
  const { value, mistakes: found } = validate(ConfigSchema, source);
  const mistakes = [...source.mistakes, ...found];
  const report = reportTo(mistakes, source);
  const raw = (value as RawConfig).faults?.[0];
  const fault = raw === undefined ? undefined : normaliseFault(raw, ['faults', 0], report);
  checkFaults({ ...config, faults: [fault] }, report);
  if (mistakes.length > 0 || fault === undefined) throw new MistakesError(mistakes);
  return deepFreeze(fault);
}

/**
 * Reads a file.
 *
 * @throws ApemuError `APEMU_ERR_CONFIG_READ` if it cannot be read or is not text; MistakesError for mistakes in it
 */
export function loadConfigFile(file: string): LoadedConfig {
  return parseConfig(readText(file, CONFIGURATION), file);
}

/** As `loadConfigFile`, but a file with `machines:` is a cluster. */
export function loadConfigOrClusterFile(file: string): LoadedConfig | LoadedCluster {
  return parseConfigOrCluster(readText(file, CONFIGURATION), file);
}

/** The only machine of a source. */
function buildOne(source: Source, file: string | undefined): LoadedConfig {
  if (hasMachines(source)) {
    const message = 'the configuration has several machines';
    const expected = 'one machine; apemu exec, apemu shell and apemu qemu take several';
    const place = source.placeOfKey(['machines']);
    throw new MistakesError([{ code: 'APEMU_ERR_CONFIG_MACHINES', message, expected, place }]);
  }
  const loaded = build(source, file, 0);
  const incoming = loaded.config.guests.find((guest) => guest.incoming);
  if (incoming === undefined) return loaded;
  const message = `${incoming.name} comes from another machine, and there is none`;
  const expected = 'several machines (machines: { A: …, B: … })';
  const place = source.placeOf(['guests', incoming.name, 'incoming']);
  throw new MistakesError([{ code: 'APEMU_ERR_CONFIG_MACHINES', message, expected, place }]);
}

/** A machine; its guests are numbered from `guestsBefore` + 1 on, which makes their default UUIDs. */
function build(source: Source, file: string | undefined, guestsBefore: number): LoadedConfig {
  const mistakes: Mistake[] = [...source.mistakes];
  const warnings: ConfigWarning[] = [];
  // What the notation itself has wrong makes a different tree of the rest.
  if (mistakes.some(({ code }) => /_(SYNTAX|SIZE)$/.test(code))) throw new MistakesError(mistakes);
  const validated = validate(ConfigSchema, { ...source, value: withEmptyGuests(source.value) });
  mistakes.push(...validated.mistakes);
  const report = reportTo(mistakes, source);
  const raw = validated.value as RawConfig;
  const whole = {
    machine: normalisePartition(raw.machine, report),
    host: normaliseHost(raw.host, report),
    guests: Object.entries(raw.guests ?? {}).map(([name, guest], index) =>
      normaliseGuest(name, guestsBefore + index + 1, guest ?? {}, directoryOf(file), report),
    ),
    faults: (raw.faults ?? []).map((fault, index) =>
      normaliseFault(fault, ['faults', index], report),
    ),
  };
  checkWhole(whole, report);
  if (mistakes.length > 0) throw new MistakesError(mistakes);
  const warn: Warn = (what, path, message) => {
    const { line, column } = source.placeOf(path);
    warnings.push({ code: `APEMU_WARN_CONFIG_${what}`, message, line, column });
  };
  warnAbout(whole, warn);
  warnAboutDecimals(raw, source, warn);
  const faults = whole.faults.filter((fault): fault is FaultConfig => fault !== undefined);
  const config = { ...whole, file, faults };
  return deepFreeze({ config, warnings });
}

/** Warns about response codes in decimal digits, because they are hexadecimal everywhere: in AP programs, reports, and the shell. */
function warnAboutDecimals(raw: RawConfig, source: Source, warn: Warn): void {
  for (const [index, { rc }] of (raw.faults ?? []).entries()) {
    const path = ['faults', index, 'rc'];
    if (rc === undefined || !source.isDecimal(path)) continue;
    const hex = rc.toString(16).padStart(2, '0');
    warn(
      'RC_DECIMAL',
      path,
      `rc: ${rc} is response code ${hex}; AP programs and reports have them in hexadecimal (write 0x${hex}, or 0x${rc} if that was meant)`,
    );
  }
}

/** Collects what checks report, with its places. */
function reportTo(mistakes: Mistake[], source: Source): Report {
  return (what, path, message, expected, key = false) => {
    const place = key ? source.placeOfKey(path) : source.placeOf(path);
    mistakes.push({ code: `APEMU_ERR_CONFIG_${what}`, message, expected, place });
  };
}

/** `Guest1:` with nothing behind it is a guest with defaults; `guests:` with nothing behind it has none. */
function withEmptyGuests(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || !('guests' in value)) return value;
  const guests = value.guests ?? {};
  if (typeof guests !== 'object' || Array.isArray(guests)) return value;
  const entries = Object.entries(guests).map(([name, guest]) => [name, guest ?? {}]);
  return { ...value, guests: Object.fromEntries(entries) };
}

/** Freezes plain objects and lists all the way down; a Map is left as it is, its type forbids writing. */
function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  const children = value instanceof Map ? value.values() : Object.values(value);
  for (const child of children) deepFreeze(child);
  return Object.freeze(value);
}
