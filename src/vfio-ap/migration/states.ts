// SPDX-License-Identifier: Apache-2.0
// The states of a migrating vfio device and the way from one to another.
// Source: docs/reference/migration.md sections 2 and 3 (VFIO core: vfio_mig_get_next_state).

export const STATE_ERROR = 0;
export const STATE_STOP = 1;
export const STATE_RUNNING = 2;
export const STATE_STOP_COPY = 3;
export const STATE_RESUMING = 4;

/**
 * The states that vfio_ap has. It supports stop-copy alone, so RUNNING_P2P (5), PRE_COPY (6) and PRE_COPY_P2P (7) are missing. Every way
 * leads over STOP.
 */
const SUPPORTED: ReadonlySet<number> = new Set([
  STATE_STOP,
  STATE_RUNNING,
  STATE_STOP_COPY,
  STATE_RESUMING,
]);

/** The next state on the way to `wanted`; undefined (EINVAL) for a state that cannot be asked for. */
export const nextState = (from: number, wanted: number): number | undefined => {
  if (!SUPPORTED.has(wanted)) return undefined;
  return from === STATE_STOP || wanted === from ? wanted : STATE_STOP;
};
