// SPDX-License-Identifier: Apache-2.0
// A configuration with several machines: each is one of its own, and each knows the guests of the others, which may come to it.
// Source: docs/migration.md (two hosts); docs/design.md section 5.
import { ClusterSchema } from './cluster-schema.ts';
import { type Mistake, MistakesError } from './mistakes.ts';
import { partOf, type Source } from './source.ts';
import type {
  ConfigWarning,
  GuestConfig,
  LoadedCluster,
  LoadedConfig,
  MachineConfig,
} from './types.ts';
import { validate } from './validate.ts';

/** Builds one machine; its guests are numbered after `guestsBefore` others. */
type Build = (source: Source, file: string | undefined, guestsBefore: number) => LoadedConfig;

/** Whether a source has several machines, or says it has. */
export const hasMachines = ({ value }: Source): boolean =>
  value !== null && typeof value === 'object' && 'machines' in value;

/** All machines of a source. @throws MistakesError with the mistakes of all of them */
export function buildCluster(
  source: Source,
  file: string | undefined,
  build: Build,
): LoadedCluster {
  const { value, mistakes } = validate(ClusterSchema, source);
  if (mistakes.length > 0) throw new MistakesError(mistakes);
  const found: Mistake[] = [];
  const warnings: ConfigWarning[] = [];
  const machines = new Map<string, MachineConfig>();
  let guests = 0;
  for (const name of Object.keys((value as { machines: object }).machines)) {
    try {
      const loaded = build(partOf(source, ['machines', name], { apemu: 1 }), file, guests);
      machines.set(name, loaded.config);
      warnings.push(...loaded.warnings);
      guests += loaded.config.guests.length;
    } catch (error) {
      if (!(error instanceof MistakesError)) throw error;
      found.push(...error.mistakes);
    }
  }
  // Guests that come from other machines can be checked only if the machines are valid.
  if (found.length === 0) found.push(...mistakesOfGuests(machines, source));
  if (found.length > 0) throw new MistakesError(found);
  const homes = [...machines.values()].flatMap((machine) => machine.guests.filter(isHome));
  const complete = [...machines].map(
    ([name, machine]) => [name, withIncoming(machine, homes)] as const,
  );
  return { config: { file, machines: new Map(complete) }, warnings };
}

const isHome = (guest: GuestConfig): boolean => !guest.incoming;

/** The machine with a place for each guest of the others, made as that guest is; only the mdev is this machine's own. */
function withIncoming(machine: MachineConfig, homes: readonly GuestConfig[]): MachineConfig {
  const own = machine.guests.filter(isHome);
  const names = new Set(own.map(({ name }) => name));
  const places = homes
    .filter(({ name }) => !names.has(name))
    .map((home) => {
      const { mdev } = machine.guests.find(({ name }) => name === home.name) ?? {};
      return Object.freeze({ ...home, mdev, virtualMdev: undefined, incoming: true });
    });
  return Object.freeze({ ...machine, guests: Object.freeze([...own, ...places]) });
}

function* mistakesOfGuests(
  machines: ReadonlyMap<string, MachineConfig>,
  source: Source,
): Generator<Mistake> {
  const homes = new Map<string, string>();
  const all = [...machines].flatMap(([machine, { guests }]) =>
    guests.map((guest) => ({ machine, guest })),
  );
  for (const { machine, guest } of all.filter(({ guest }) => isHome(guest))) {
    const earlier = homes.get(guest.name);
    const path = ['machines', machine, 'guests', guest.name];
    if (earlier === undefined) homes.set(guest.name, machine);
    else {
      yield {
        code: 'APEMU_ERR_CONFIG_DUPLICATE_KEY',
        message: `machine ${earlier} has a guest ${guest.name} too`,
        expected: 'another name, or incoming: true for one that comes from there',
        place: source.placeOfKey(path),
      };
    }
  }
  for (const { machine, guest } of all.filter(({ guest }) => guest.incoming)) {
    const path = ['machines', machine, 'guests', guest.name];
    if (!homes.has(guest.name)) {
      yield {
        code: 'APEMU_ERR_CONFIG_UNKNOWN_GUEST',
        message: `no machine has the guest ${guest.name} that is to come`,
        expected: `one of ${[...homes.keys()].join(', ') || 'the guests of other machines'}`,
        place: source.placeOfKey(path),
      };
    }
    if (guest.virtualMdev !== undefined) {
      yield {
        code: 'APEMU_ERR_CONFIG_COMBINATION',
        message: 'a virtual mdev does not migrate',
        expected: 'a passthrough mdev',
        place: source.placeOf([...path, 'mdev']),
      };
    }
  }
}
