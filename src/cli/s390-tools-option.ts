// SPDX-License-Identifier: Apache-2.0
// `--s390-tools RELEASE`: the release that lszcrypt and chzcrypt follow, in place of the configuration's.
// Source: docs/decisions.md (releases of s390-tools).

import { Option } from 'commander';
import type { ClusterConfig, MachineConfig } from '../config/types.ts';
import { RELEASES } from '../s390-tools/releases.ts';

/** A new option each time: commander keeps state in it. */
export const s390ToolsOption = (): Option =>
  new Option('--s390-tools <release>', 'release whose lszcrypt and chzcrypt are shown').choices(
    RELEASES.map(({ name }) => name),
  );

/** The same, for each of several machines. */
export const released = (
  config: MachineConfig | ClusterConfig,
  release: string | undefined,
): MachineConfig | ClusterConfig => {
  if (!('machines' in config)) return withRelease(config, release);
  const machines = [...config.machines].map(
    ([name, machine]) => [name, withRelease(machine, release)] as const,
  );
  return { ...config, machines: new Map(machines) };
};

/** The configuration with that release; unchanged if none was named. */
export const withRelease = (config: MachineConfig, release: string | undefined): MachineConfig =>
  release === undefined ? config : { ...config, host: { ...config.host, s390Tools: release } };
