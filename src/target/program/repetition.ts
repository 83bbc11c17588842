// SPDX-License-Identifier: Apache-2.0
// Finds what a driver holds more of each time the same happens to it, so that it is never given back.

/** How often a scenario is run. A pool that is filled once grows only once. */
export const SCENARIO_RUNS = 4;

type Held = Readonly<Record<string, number>>;

/** Names of which there is more after each repetition, and by how much at least. `held` is what the driver held after each. */
export const grownBy = (held: readonly Held[]): Record<string, number> => {
  const grown: Record<string, number> = {};
  for (const name of Object.keys(held.at(-1) ?? {})) {
    const steps = held.slice(1).map((now, n) => (now[name] ?? 0) - (held[n]?.[name] ?? 0));
    const least = Math.min(...steps);
    if (steps.length > 0 && least > 0) grown[name] = least;
  }
  return grown;
};
