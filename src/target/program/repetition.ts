// SPDX-License-Identifier: Apache-2.0
// What a driver holds more of each time the same happens to it: it is never given back.

/** Times a scenario runs: a pool that is filled once grows once. */
export const SCENARIO_RUNS = 4;

type Held = Readonly<Record<string, number>>;

/** Names of which there is more after each repetition, with how much at least; `held`: what the driver held after each. */
export const grownBy = (held: readonly Held[]): Record<string, number> => {
  const grown: Record<string, number> = {};
  for (const name of Object.keys(held.at(-1) ?? {})) {
    const steps = held.slice(1).map((now, n) => (now[name] ?? 0) - (held[n]?.[name] ?? 0));
    const least = Math.min(...steps);
    if (steps.length > 0 && least > 0) grown[name] = least;
  }
  return grown;
};
