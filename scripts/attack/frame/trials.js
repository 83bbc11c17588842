// SPDX-License-Identifier: Apache-2.0
// The process of one attack, started by supervise.js: makes trials one after the other and says what came out of them. Trial n of
// seed s is trial 0 of seed s + n.
import { setImmediate as breath } from 'node:timers/promises';
import { Random } from '../../../dist/src/lpar/random.js';
import { attackOf } from './attacks.js';

const [name, seedText, countText, secondsText] = process.argv.slice(2);
const count = Number(countText);
const endMs = performance.now() + Number(secondsText) * 1000;
/** More findings of one run are variations of the same. */
const FINDINGS_MAX = 5;

const attack = await attackOf(name);
const session = await attack.open();
const kinds = {};
let tried = 0;
let findings = 0;

const tell = (message) => new Promise((resolve) => process.send(message, resolve));

let ended = false;
// Whoever started this is gone, or wants an end.
process.on('disconnect', () => process.exit(1));
process.on('message', () => {
  ended = true;
});

for (; tried < count && performance.now() < endMs && findings < FINDINGS_MAX && !ended; tried++) {
  const seed = Number(seedText) + tried;
  // Trials that wait for nothing would leave the message that wants an end unheard.
  await breath();
  // Told before it begins: a trial that takes this process down is found by its seed.
  await tell({ begins: seed, tried, kinds });
  try {
    await session.trial(new Random(seed), (what) => {
      kinds[what] = (kinds[what] ?? 0) + 1;
    });
  } catch (error) {
    findings++;
    await tell({ finding: error instanceof Error ? error.message : String(error), seed });
  }
}
await session.close?.();
await tell({ over: true, tried, kinds });
process.exit(0);
