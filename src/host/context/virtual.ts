// SPDX-License-Identifier: Apache-2.0
// The engine of virtual queues and its hook, for one thread: connected to the adapters it sends messages to and to what messages mean.
// Source: docs/reference/vfio-ap.md section 8.3 (V-03, V-12).

import type { AdapterMode } from '../../../native-like/arch/adapter-types.ts';
import { ADAPTER_MODES } from '../../../native-like/arch/adapter-types.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { errorReply } from '../../cex/frame.ts';
import { FILTERED_BY_HYPERVISOR } from '../../cex/messages/reply-codes.ts';
import { isClearKey, translateDomain } from '../../cex/passing.ts';
import type { AdapterService } from '../../lpar/adapter-service.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { type MessageRules, VirtualEngine } from '../../vfio-ap/virtual/engine.ts';
import { VirtualHook } from '../../vfio-ap/virtual/hook.ts';

const MODES: ReadonlyMap<number, AdapterMode> = new Map(
  ADAPTER_MODES.map((row) => [row.number, row.mode]),
);
const modeOf = (number: number): AdapterMode => MODES.get(number) ?? 'loopback';

const MESSAGE_RULES: MessageRules = {
  refuses: (mode, message, allowSecure) =>
    allowSecure || isClearKey(modeOf(mode), message) ? 0 : FILTERED_BY_HYPERVISOR,
  error: errorReply,
  translate: (mode, message, from, to) => translateDomain(modeOf(mode), message, from, to),
};

export interface VirtualParts {
  readonly engine: VirtualEngine;
  readonly hook: VirtualHook;
}

/** Creates both, and has messages moved whenever the adapter service has looked at queues. */
export const virtualParts = (
  image: MachineImage,
  kernel: Kernel,
  service: AdapterService,
  thread: number,
): VirtualParts => {
  const engine = new VirtualEngine({
    image,
    kernel,
    thread,
    serve: (q) => service.serveQueue(q),
    messages: MESSAGE_RULES,
  });
  service.pump = () => engine.pump();
  return { engine, hook: new VirtualHook(image, kernel, engine) };
};
