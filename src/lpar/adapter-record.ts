// SPDX-License-Identifier: Apache-2.0
// How long an adapter's requests take, as its record in the image.
// Source: docs/reference/messages.md section 7.2; docs/design.md section 5 (`service`).
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  A_ENGINES,
  A_FIFO,
  A_MODEL,
  A_RANDOM,
  A_SIGMA,
  A_TIME,
  ENGINES_MAX,
  SERVICE_FIXED,
  SERVICE_INSTANT,
  SERVICE_LOGNORMAL,
  SERVICE_RATED,
} from '../../native-like/machine/layout.ts';
import { ApemuError } from '../errors.ts';
import type { AdapterProfile, ServiceModel } from './profile.ts';
import { seedRandom } from './random.ts';

const SERVICE_NUMBERS: Readonly<Record<ServiceModel, number>> = {
  instant: SERVICE_INSTANT,
  fixed: SERVICE_FIXED,
  lognormal: SERVICE_LOGNORMAL,
  rated: SERVICE_RATED,
};

/**
 * Writes the record of an adapter that is plugged in.
 *
 * @throws ApemuError `APEMU_ERR_LPAR_RANGE` for more engines than a record has room for
 */
export const writeService = (image: MachineImage, adapter: AdapterProfile, seed: number): void => {
  const { i32, f64 } = image;
  const { service } = adapter;
  const record = image.adapter(adapter.apid);
  if (service.engines > ENGINES_MAX) {
    throw new ApemuError(
      'APEMU_ERR_LPAR_RANGE',
      `${service.engines} engines (expected at most ${ENGINES_MAX})`,
    );
  }
  i32[record + A_MODEL] = SERVICE_NUMBERS[service.model];
  i32[record + A_ENGINES] = service.engines;
  i32[record + A_FIFO] = service.order === 'fifo' ? 1 : 0;
  i32[record + A_RANDOM] = seedRandom(seed, adapter.apid);
  f64[(record + A_TIME) >> 1] = service.timeNs;
  f64[(record + A_SIGMA) >> 1] = service.sigma;
};
