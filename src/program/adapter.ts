// SPDX-License-Identifier: Apache-2.0
// The real machine as programs see it.

import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import type { ProgramMachine } from './machine.ts';

/** A machine a program owns: nothing else runs in it. */
export interface OwnedMachine extends ProgramMachine {
  close(): void;
}

/** Builds a fresh machine in stepped mode, without guest programs. */
export async function openProgramMachine(
  _config: MachineConfig,
  _options: { readonly seed?: number } = {},
): Promise<OwnedMachine> {
  throw new ApemuError('APEMU_ERR_HOST_MISSING', 'this build has no machine yet');
}
