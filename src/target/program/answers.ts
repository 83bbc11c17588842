// SPDX-License-Identifier: Apache-2.0
// Adapters for fuzzing: the same request of the same queue always gets the same answer, so that a case is the same in any order of cases,
// and arithmetic that was done once is not done again.
import { remembering } from '../../load/remember.ts';
import type { ServiceModels } from '../../lpar/adapter-service.ts';

/** `models` with a memory of all answers. */
export const allAnswers = (models: ServiceModels): ServiceModels => remembering(models, () => 0);
