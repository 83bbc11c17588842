// SPDX-License-Identifier: Apache-2.0
// The questions of a kernel instance to the message library: the target domain of a request, and the function it asks for.
// Source: docs/reference/ap-architecture.md AD-28; native-like/exec/registry.ts.

import type { AdapterMode } from '../../../native-like/arch/adapter-types.ts';
import { ADAPTER_MODES, MODE_LOOPBACK } from '../../../native-like/arch/adapter-types.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { targetDomain } from '../../cex/domains.ts';
import { functionWord, requestFunction } from '../../cex/request-function.ts';
import type { KernelOptions } from '../../lpar/kernel.ts';

const MODES: ReadonlyMap<number, AdapterMode> = new Map(
  ADAPTER_MODES.map((row) => [row.number, row.mode]),
);

/** The calls for every kernel instance of a machine, also those of worker threads. */
export const kernelCalls = (
  image: MachineImage,
): Required<Pick<KernelOptions, 'targetDomain' | 'requestFunction'>> => {
  const message = (payload: number, length: number): Uint8Array =>
    image.u8.subarray(payload, payload + length);
  return {
    targetDomain: (mode, payload, length) =>
      mode === MODE_LOOPBACK ? -1 : targetDomain(message(payload, length)),
    requestFunction: (mode, payload, length) => {
      const name = MODES.get(mode);
      return name === undefined ? 0 : functionWord(requestFunction(name, message(payload, length)));
    },
  };
};
