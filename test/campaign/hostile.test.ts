// SPDX-License-Identifier: Apache-2.0
// A worker or a Redis that is hostile: whatever it says, nothing is executed, nothing is written outside the campaign's folder, sizes are
// bounded, and a finding that is none is told as not confirmed.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LocalCarrier } from '../../src/campaign/local-carrier.ts';
import { packAnswer, readAnswer } from '../../src/campaign/queue/answers.ts';
import { BlobStore } from '../../src/campaign/queue/blob-store.ts';
import { campaignPrefix, PREFIX } from '../../src/campaign/queue/keys.ts';
import { REQUEST } from '../../src/campaign/queue/messages.ts';
import { RequestPacker, readRequest } from '../../src/campaign/queue/requests.ts';
import {
  type Blob,
  pack,
  packNumbers,
  parse,
  sha256,
  unpack,
} from '../../src/campaign/queue/wire.ts';
import { saveFinding } from '../../src/fuzz/finding.ts';
import {
  asItIs,
  type BatchJob,
  type BatchResult,
  type Job,
  type MinimiseJob,
  type MinimiseResult,
} from '../../src/fuzz/job.ts';
import { CampaignStore } from '../../src/fuzz/store.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { apemu, FakeIo } from '../cli/fake-io.ts';
import { CONFIG, campaign, DRIVER } from './processes.ts';
import { REDIS, RedisServer } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-hostile-'));
let carrier: LocalCarrier;
beforeAll(async () => {
  carrier = await LocalCarrier.create({
    config: readFileSync(CONFIG, 'utf8'),
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

/** Messages in memory instead of Redis. */
class Memory extends BlobStore {
  readonly #blobs = new Map<string, Buffer>();

  constructor() {
    super(new Redis({ lazyConnect: true }), 'memory');
  }

  override async put(blobs: readonly Blob[]): Promise<void> {
    for (const { hash, bytes } of blobs) this.#blobs.set(hash, bytes);
  }

  override get: BlobStore['get'] = async (hash, schema) =>
    unpack({ hash, bytes: this.#blobs.get(hash) ?? Buffer.alloc(0) }, schema);
}

const LINES = 'user: request\non nqap #1: rc=05\n';
const BATCH: BatchJob = {
  kind: 'batch',
  cases: [
    asItIs(LINES),
    { ...asItIs('user: request x2\n'), other: LINES, seed: 7 },
    { ...asItIs(LINES), other: LINES, seed: 8 },
  ],
  known: Uint32Array.of(1, 2, 3),
  wanted: [5],
  skip: [],
};

/** What an honest worker makes of a job. */
const batchOf = async (job: Job): Promise<BatchResult> =>
  (await carrier.run([job]))[0] as BatchResult;
const shortOf = async (job: MinimiseJob): Promise<MinimiseResult> =>
  (await carrier.run([job]))[0] as MinimiseResult;

describe('a message', () => {
  it.each([
    ['is longer than one may be', () => ({ hash: sha256('x'), bytes: randomBytes(17 * 2 ** 20) })],
    [
      'is short and unpacks to gigabytes',
      () => ({ hash: sha256('x'), bytes: deflateRawSync(Buffer.alloc(100 * 2 ** 20)) }),
    ],
    ['is not deflated', () => ({ hash: sha256('x'), bytes: Buffer.from('{}') })],
    ['is not what its name says', () => ({ ...pack({ kind: 'batch' }), hash: sha256('x') })],
    ['is no JSON', () => ({ hash: sha256('{'), bytes: deflateRawSync('{') })],
    ['has another shape', () => pack({ kind: 'batch', cases: 'all' })],
    ['is of an unknown kind', () => pack({ kind: 'eval', code: 'process.exit()' })],
    [
      'has more than belongs there',
      () => pack({ kind: 'minimise', lines: LINES, violation: { oracle: 'right' }, eval: '' }),
    ],
  ])('that %s is refused', (_what, blob) => {
    expect(() => unpack(blob(), REQUEST)).toThrow(/^a message /);
  });

  it('does not reach what objects inherit from', () => {
    expect(() => parse('{"__proto__":{"kind":"batch"}}', REQUEST)).toThrow(/another shape/);
  });
});

describe('a request', () => {
  it('comes out as it went in', async () => {
    const store = new Memory();
    for (const job of [BATCH, { ...BATCH, skip: [1] }]) {
      const { request, shared } = new RequestPacker().pack(job);
      await store.put([request, ...shared]);
      expect(await readRequest(request.hash, store)).toEqual(job);
    }
  });

  it('has the same name whatever was packed before, so that the next coordinator asks for the same job', () => {
    const packer = new RequestPacker();
    const parent = {
      ...asItIs(LINES),
      seen: { executions: [], states: [{ fn: 9, apqn: 1, state: 2, n: 1 }] },
    };
    packer.pack({ ...BATCH, cases: [parent] });
    const spliced = {
      ...BATCH,
      cases: [{ ...asItIs('user: request x2\n'), other: LINES, seed: 7 }],
    };
    expect(packer.pack(spliced).request.hash).toBe(new RequestPacker().pack(spliced).request.hash);
  });

  it('that names what is not there is refused', async () => {
    const store = new Memory();
    const { request, shared } = new RequestPacker().pack(BATCH);
    const known = unpack(request, REQUEST) as Extract<
      ReturnType<typeof unpack<typeof REQUEST>>,
      { kind: 'batch' }
    >;
    const wrong = pack({ ...known, cases: packNumbers([9, 0, 0]) });
    await store.put([wrong, ...shared]);
    await expect(readRequest(wrong.hash, store)).rejects.toThrow(/names 9 of/);
  });
});

describe('an answer', () => {
  const read = async (job: Job, answer: BatchResult | MinimiseResult, to = sha256('request')) => {
    const store = new Memory();
    const blob = packAnswer(answer, to);
    await store.put([blob]);
    return await readAnswer(blob.hash, { job, to: sha256('request') }, store, carrier.facts);
  };

  it('of an honest worker comes out as it went in', async () => {
    const batch = await batchOf(BATCH);
    expect(await read(BATCH, batch)).toEqual(batch);
    const [{ lines, violation }] = batch.broken;
    const job: MinimiseJob = { kind: 'minimise', lines, violation };
    const short = await shortOf(job);
    expect(await read(job, short)).toEqual(short);
  });

  type Change = (answer: BatchResult) => object;
  it.each<[string, Change, RegExp]>([
    ['counts cases that were not asked for', (a) => ({ cases: a.cases + 1 }), /4 cases of 3/],
    ['counts a feature twice', (a) => ({ features: a.features.map(() => 3) }), /a feature twice/],
    [
      'names a feature that there is not',
      (a) => ({ features: a.features.with(0, 2_000_000) }),
      /the target does not have/,
    ],
    [
      'meets a feature more often than there are cases',
      (a) => ({ hits: a.hits.with(0, 1000) }),
      /more cases than there are/,
    ],
    ['has features without hits', (a) => ({ hits: a.hits.slice(1) }), /without a number/],
    [
      'has a scenario with a path in it',
      (a) => ({ kept: [{ ...a.kept[0], lines: '../../etc/passwd' }] }),
      /scenario is none/,
    ],
    [
      'has a scenario that executes instructions',
      (a) => ({ kept: [{ ...a.kept[0], lines: 'Guest1.0: tapq 05.0004\n' }] }),
      /not written as scenarios are/,
    ],
    [
      'has news that nobody has met',
      (a) => ({ kept: [{ ...a.kept[0], fresh: [4_000] }] }),
      /no case has met/,
    ],
    [
      'breaks a rule whose name is a path',
      (a) => ({
        broken: [{ ...a.broken[0], violation: { ...a.broken[0]?.violation, oracle: '../../x' } }],
      }),
      /another shape: \/broken\/0\/violation\/oracle/,
    ],
    ['says what is no number', () => ({ executed: 'many' }), /another shape: \/executed/],
  ])('that %s is refused', async (_what, change, words) => {
    const batch = await batchOf(BATCH);
    await expect(read(BATCH, { ...batch, ...change(batch) })).rejects.toThrow(words);
  });

  it('to another request is refused', async () => {
    const batch = await batchOf(BATCH);
    await expect(read(BATCH, batch, sha256('other'))).rejects.toThrow(/to another request/);
  });

  it('about another finding than was asked for is refused', async () => {
    const { broken } = await batchOf(BATCH);
    const [{ lines, violation }] = broken;
    const job: MinimiseJob = { kind: 'minimise', lines, violation };
    const short = await shortOf(job);
    const other = { ...violation, way: 'another way' };
    await expect(read(job, { ...short, violation: other })).rejects.toThrow(/another finding/);
  });
});

it('words of a finding end no comment and become no code', () => {
  const store = new CampaignStore(join(folder, 'words'));
  const did = "it did\u2028process.exit(1)\rthrow 1\nevil()//*/ '; evil()";
  const violation = { oracle: 'right', way: 'way', did, expected: did } as const;
  const finding = {
    id: 'right-00000000',
    lines: LINES,
    violation,
    stable: true,
    trace: [],
    cases: 1,
  };
  saveFinding(store, finding, { driver: 'd.ts', guest: 'G', seed: 1 }, '');
  const file = join(folder, 'words/findings', finding.id, `${finding.id}.test.ts`);
  const code = readFileSync(file, 'utf8').split(/[\n\r\u2028\u2029]/);
  expect(
    code.filter((line) => /exit|throw|evil/.test(line)).map((line) => line.slice(0, 6)),
  ).toEqual(['// d.t', 'test("']);
});

describe.skipIf(!REDIS)('a hostile worker', () => {
  let redis: RedisServer;
  let client: Redis;
  let liar: Worker | undefined;
  beforeEach(async () => {
    redis = await RedisServer.start();
    client = new Redis({ path: redis.socket, maxRetriesPerRequest: null });
  });
  afterEach(async () => {
    await liar?.close(true);
    client.disconnect();
    await redis.stop();
  });

  /** Answers requests of the next campaign as `answer` does; what it returns is put under its name. */
  const lie = async (
    answer: (job: Job, request: string) => Promise<Blob | string>,
  ): Promise<void> => {
    let id: string | null = null;
    while (id === null) id = await client.get(`${PREFIX}:campaign`);
    const store = new BlobStore(client, campaignPrefix(id));
    liar = new Worker(
      id,
      async ({ data }) => {
        const said = await answer(await readRequest(data.request, store), data.request);
        if (typeof said === 'string') return said;
        await store.put([said]);
        return { answer: said.hash, worker: 'liar_1_ffffff' };
      },
      { connection: client, prefix: PREFIX, concurrency: 4, skipVersionCheck: true },
    );
    liar.on('error', () => {});
  };

  const run = async (out: string, answer: Parameters<typeof lie>[0], cases = 3) => {
    const io = new FakeIo();
    const ended = apemu(campaign(join(folder, out), cases, '--queue', redis.socket), io);
    await lie(answer);
    return await ended;
  };

  it.each<[string, Parameters<typeof lie>[0], string]>([
    ['answers nothing', async () => 'nonsense', 'a message of another shape'],
    ['answers with what is not there', async () => pack({ a: 1 }), 'a message of another shape'],
    [
      'throws',
      async () => {
        throw new Error('so there\u001b[2J');
      },
      'so there',
    ],
  ])('that %s ends the campaign with words, after so many tries', async (what, answer, words) => {
    const { code, errors } = await run(what.replaceAll(' ', '-'), answer);
    expect(code).toBe(3);
    expect(errors).toContain(words);
    expect(errors).toMatch(/a job has failed 5 times.*\[APEMU_ERR_QUEUE_JOB\]/);
  });

  it('that tells findings which are none is not believed', async () => {
    const false_: MinimiseResult = {
      kind: 'minimise',
      lines: 'user: request\n',
      violation: { oracle: 'right', way: 'made up', did: 'nothing', expected: 'nothing' },
      stable: true,
      confirmed: true,
      trace: ['\u001b[2Jtrace'],
      runs: 1,
    };
    const { code, output } = await run('false', async (job, request) => {
      if (job.kind === 'minimise')
        return packAnswer({ ...false_, violation: job.violation }, request);
      const honest = await batchOf(job);
      const { lines, violation } = false_;
      return packAnswer({ ...honest, broken: [{ lines, violation, count: 1 }] }, request);
    });
    expect(code).toBe(0);
    expect(output).toMatch(/not confirmed by the coordinator: right: made up/);
    expect(readdirSync(join(folder, 'false/findings'))).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.includes('passwd'))).toEqual([]);
    expect(existsSync(join(folder, 'false/state.json'))).toBe(true);
  });
});
