// SPDX-License-Identifier: Apache-2.0
// Makes the target that a specification describes, in any thread and on any machine.
import { parseConfig } from '../config/load.ts';
import { CELL_COUNT, PAIR_COUNT } from '../target/architected.ts';
import { loadDriver } from '../target/program/loaded-driver.ts';
import { ProgramTarget } from '../target/program/program-target.ts';
import type { Target } from '../target/target.ts';
import type { TargetFacts, TargetSpec } from './job.ts';

/**
 * Makes the target.
 *
 * @throws ApemuError `APEMU_ERR_CONFIG_…`, `APEMU_ERR_DRIVER_…`, `APEMU_ERR_TARGET_…`
 */
export const buildTarget = async (spec: TargetSpec): Promise<Target> => {
  const { config } = parseConfig(spec.config, spec.file);
  const driver = await loadDriver(spec.bundle);
  const { guest, seed, recoverNs, perSecond } = spec;
  return await ProgramTarget.create({ config, driver, guest, seed, recoverNs, perSecond });
};

/** What a campaign needs to know of a target. */
export const factsOf = ({ space, featureCount }: Target): TargetFacts => ({
  space,
  featureCount,
  codeFeatures: featureCount - CELL_COUNT - PAIR_COUNT,
});
