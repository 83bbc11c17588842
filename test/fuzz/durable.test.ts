// SPDX-License-Identifier: Apache-2.0
// A campaign that is killed goes on: at any of its writes, and by SIGKILL at random moments (APEMU_KILLS=50 for the long version); nothing
// in the corpus is damaged. And the same seed gives the same bytes, on another Node too (APEMU_OTHER_NODE=/path/to/node).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalCarrier } from '../../src/campaign/local-carrier.ts';
import { Campaign } from '../../src/fuzz/campaign.ts';
import { saveFinding } from '../../src/fuzz/finding.ts';
import { CampaignStore } from '../../src/fuzz/store.ts';
import { Random } from '../../src/lpar/random.ts';
import { eventLine, scenarioLines } from '../../src/scenario/text.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { filesBelow } from './campaign-files.ts';

const CONFIG = 'examples/fuzzing/machine.yaml';
const DRIVER = 'examples/fuzzing/driver.ts';
const MAIN = 'dist/src/cli/main.js';
const CONTEXT = { driver: DRIVER, guest: 'Guest1', seed: 1 };
const KILLS = Number(process.env['APEMU_KILLS'] ?? 1);
/** A killed process has run for at most so long. */
const KILL_WITHIN_MS = 8_000;
/** Writes of a campaign that may be its last one. */
const WRITES = KILLS > 1 ? [0, 1, 2, 3, 5, 8, 13, 21, 34, 55] : [0, 3, 21, 55];
const CASES = 400;

const folder = mkdtempSync(join(tmpdir(), 'apemu-durable-'));
let carrier: LocalCarrier;
let config: string;
beforeAll(async () => {
  config = readFileSync(CONFIG, 'utf8');
  carrier = await LocalCarrier.create({
    config,
    file: CONFIG,
    bundle: await bundleDriver(DRIVER),
    guest: undefined,
    seed: 1,
    recoverNs: undefined,
    perSecond: undefined,
    without: [],
  });
});
afterAll(async () => {
  await carrier.close();
  rmSync(folder, { recursive: true });
});

class Killed extends Error {}

/** A store of a process that dies while it writes: half a file is left beside its place. */
class DyingStore extends CampaignStore {
  writesLeft = Number.POSITIVE_INFINITY;

  override write(name: string, text: string): void {
    if (this.writesLeft-- <= 0) {
      writeFileSync(join(this.folder, `${name}.part`), text.slice(0, text.length / 2));
      throw new Killed();
    }
    super.write(name, text);
  }
}

/** Runs a campaign to so many cases, as the command does; `lives` is what its store still writes. */
const campaignTo = async (
  out: string,
  cases: number,
  lives = Number.POSITIVE_INFINITY,
): Promise<Campaign> => {
  const store = new DyingStore(join(folder, out));
  const campaign = new Campaign({ seed: 1, identity: 'durable', code: 'code' }, carrier, store);
  store.writesLeft = lives;
  while (campaign.cases < cases) {
    for (const finding of await campaign.next(cases - campaign.cases))
      saveFinding(store, finding, CONTEXT, config);
    campaign.save();
  }
  return campaign;
};

/** Every scenario of a corpus is what its name says. */
const readAll = (out: string): number => {
  const store = new CampaignStore(join(folder, out));
  const names = store.names();
  for (const name of names) store.scenario(name);
  return names.length;
};

describe('a campaign that dies while it writes', () => {
  it.each(WRITES)('goes on after write %i, with nothing damaged', async (writes) => {
    const out = `writes-${writes}`;
    await expect(campaignTo(out, CASES, writes)).rejects.toThrow(Killed);
    const left = readAll(out);
    const campaign = await campaignTo(out, CASES);
    expect(campaign.cases).toBeGreaterThanOrEqual(CASES);
    expect(readAll(out)).toBeGreaterThanOrEqual(left);
    expect(campaign.findings).not.toHaveLength(0);
    // As if it had not died: the same scenarios in the same order, the same counts.
    await campaignTo('alone', CASES);
    const state = (name: string): string => readFileSync(join(folder, name, 'state.json'), 'utf8');
    expect(state(out)).toBe(state('alone'));
    expect(
      Object.keys(filesBelow(join(folder, out))).filter((file) => file.endsWith('.part')),
    ).toEqual([]);
  });
});

describe('a scenario that somebody has put into the folder', () => {
  it('is tried once, also when it reaches nothing new and the campaign is resumed', async () => {
    await campaignTo('visited', CASES);
    const store = new CampaignStore(join(folder, 'visited'));
    store.keep(scenarioLines([eventLine({ kind: 'at', timeNs: 123_456_789 }, { kind: 'scan' })]));
    const options = { seed: 1, identity: 'durable', code: 'code' };
    const campaign = new Campaign(options, carrier, store);
    const [before, known] = [campaign.cases, campaign.corpus.length];
    await campaign.next(64);
    expect([campaign.cases - before, campaign.corpus.length - known]).toEqual([1, 0]);
    campaign.save();
    const resumed = new Campaign(options, carrier, store);
    await campaign.next(64);
    await resumed.next(64);
    expect(resumed.cases).toBe(campaign.cases);
    expect(resumed.hits).toEqual(campaign.hits);
  });
});

const fuzz = (out: string, cases: number): string[] => [
  MAIN,
  'fuzz',
  CONFIG,
  '--driver',
  DRIVER,
  '--workers',
  '1',
  '--cases',
  String(cases),
  '--out',
  join(folder, out),
];

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.once('exit', () => resolve()));

describe('apemu fuzz', () => {
  it(
    `resumes after kill -9, ${KILLS} times at random moments`,
    async () => {
      const random = new Random(KILLS);
      const moments: number[] = [];
      for (let n = 0; n < KILLS; n++) {
        const child = spawn(process.execPath, fuzz('killed', 1_000_000), {
          stdio: 'ignore',
          timeout: 60_000,
        });
        moments.push(Math.round((random.word() / 2 ** 32) * KILL_WITHIN_MS));
        await wait(moments[n]);
        child.kill('SIGKILL');
        await ended(child);
        readAll('killed');
      }
      const campaign = JSON.parse(
        new CampaignStore(join(folder, 'killed')).read('state.json') ?? '{"cases":0}',
      ) as { cases: number };
      const more = campaign.cases + 70;
      const child = spawn(process.execPath, fuzz('killed', more), { stdio: 'ignore' });
      await ended(child);
      expect([0, 1], 'what it says when it ends by itself').toContain(child.exitCode);
      expect(readAll('killed')).toBeGreaterThan(0);
      process.stderr.write(`killed after ${moments.join(', ')} ms, ${more} cases in all\n`);
    },
    60_000 + KILLS * (KILL_WITHIN_MS + 30_000),
  );

  it('gives the same bytes on another Node', async () => {
    const other = process.env['APEMU_OTHER_NODE'];
    if (other === undefined) {
      process.stderr.write('APEMU_OTHER_NODE names no other Node: nothing to compare with\n');
      return;
    }
    const run = (node: string, out: string): Record<string, string> => {
      try {
        execFileSync(node, fuzz(out, 1_500), { stdio: 'ignore' });
      } catch (error) {
        expect((error as { status: number }).status, 'findings').toBe(1);
      }
      return filesBelow(join(folder, out, 'corpus'), join(folder, out, 'findings'));
    };
    expect(run(other, 'other')).toEqual(run(process.execPath, 'this'));
  }, 300_000);
});
