// SPDX-License-Identifier: Apache-2.0
// What a campaign says about itself, how a worker finds it, and in what the two must agree.
import type { Redis } from 'ioredis';
import { ApemuError } from '../../errors.ts';
import type { TargetFacts } from '../../fuzz/job.ts';
import type { DriverBundle } from '../../target/program/driver-bundle.ts';
import { BlobStore } from './blob-store.ts';
import { CAMPAIGN_KEY, campaignPrefix } from './keys.ts';
import { CODE, HASH, MANIFEST, type Manifest } from './messages.ts';
import { type Blob, checked, pack, sha256 } from './wire.ts';

/** What must be the same on every machine, as names with digests or versions. */
export type Facts = Readonly<Record<string, string>>;

/** Number of digits of a digest that are shown and compared. */
const DIGITS = 16;

export const digestOf = (content: string | Uint8Array): string => sha256(content).slice(0, DIGITS);

/** Describes in words where a worker differs from what the campaign wants. */
export const differences = (campaign: Facts, worker: Facts): string[] =>
  [...new Set([...Object.keys(campaign), ...Object.keys(worker)])]
    .filter((name) => campaign[name] !== worker[name])
    .map(
      (name) =>
        `${name}: ${campaign[name] ?? 'none'} in the campaign, ${worker[name] ?? 'none'} here`,
    );

/**
 * Refuses a worker that would not do what others do.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_DIFFERS`
 */
export const checkFacts = (campaign: Facts, worker: Facts): void => {
  const found = differences(campaign, worker);
  if (found.length === 0) return;
  throw new ApemuError(
    'APEMU_ERR_QUEUE_DIFFERS',
    `this worker is not as the campaign: ${found.join('; ')} (expected the same apemu, configuration and driver or kernel on every machine)`,
  );
};

/**
 * Refuses a target that counts other features than the campaign's.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_DIFFERS`
 */
export const checkTarget = (manifest: Manifest, { space, featureCount }: TargetFacts): void =>
  checkFacts(
    { queues: manifest.queues.join(' '), features: String(manifest.featureCount) },
    { queues: space.queues.join(' '), features: String(featureCount) },
  );

/** A campaign that a worker has found. */
export interface FoundCampaign {
  readonly id: string;
  readonly manifest: Manifest;
  readonly store: BlobStore;
}

/**
 * The campaign of a queue; undefined if there is none now.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_…` if what is there is not a campaign
 */
export const findCampaign = async (client: Redis): Promise<FoundCampaign | undefined> => {
  const id = await client.get(CAMPAIGN_KEY);
  if (id === null) return undefined;
  if (!/^[0-9a-f]{16}$/.test(id))
    throw new ApemuError('APEMU_ERR_QUEUE_MESSAGE', 'the campaign of the queue has no proper name');
  const hash = await client.get(`${campaignPrefix(id)}:manifest`);
  if (hash === null) return undefined;
  const store = new BlobStore(client, campaignPrefix(id));
  return { id, manifest: await store.get(checked(hash, HASH), MANIFEST), store };
};

/** Packs configuration and driver, for workers that trust the campaign. */
export const packCode = (config: string, { name, code, files, args }: DriverBundle): Blob => {
  const binary = typeof code !== 'string';
  const text = binary ? Buffer.from(code).toString('base64') : code;
  return pack({ config, bundle: { name, code: text, binary, files, args } });
};

/**
 * Unpacks what `packCode` has packed.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_…`
 */
export const readCode = async (
  hash: string,
  store: BlobStore,
): Promise<{ readonly config: string; readonly bundle: DriverBundle }> => {
  const { config, bundle } = await store.get(hash, CODE);
  const { binary, code, ...rest } = bundle;
  const given = binary ? Uint8Array.from(Buffer.from(code, 'base64')) : code;
  return { config, bundle: { ...rest, code: given, digest: '' } };
};
