// SPDX-License-Identifier: Apache-2.0
// An attack that finds something in about every fourth trial, in the way BROKEN_ATTACK says: the frame must tell it.
const WAYS = {
  throws: () => {
    throw new Error('a promise is broken');
  },
  hangs: () => {
    for (;;);
  },
  exits: () => process.exit(7),
  crashes: () => {
    Promise.reject(new Error('nobody waits for this'));
    return new Promise((resolve) => setTimeout(resolve, 1000));
  },
  never: () => undefined,
};

export const attack = {
  tries: 'what the frame must notice',
  quick: 20,
  trialSeconds: 5,
  open: async () => ({
    trial: (random, tried) => {
      const bad = random.below(4) === 0;
      tried(bad ? 'bad' : 'good');
      return bad ? WAYS[process.env.BROKEN_ATTACK]() : undefined;
    },
  }),
};
