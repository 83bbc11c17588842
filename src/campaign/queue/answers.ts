// SPDX-License-Identifier: Apache-2.0
// Turns results into answers to the coordinator, and back. Whoever answers may not be a worker of ours, so it is checked that an answer
// fits what was asked.
import { ApemuError } from '../../errors.ts';
import type {
  BatchJob,
  BatchResult,
  Job,
  JobResult,
  MinimiseJob,
  MinimiseResult,
  TargetFacts,
} from '../../fuzz/job.ts';
import { keyOf } from '../../fuzz/run-job.ts';
import { parseScenarioLines, scenarioLines } from '../../scenario/text.ts';
import type { BlobStore } from './blob-store.ts';
import { BATCH_ANSWER, MINIMISE_ANSWER } from './messages.ts';
import { type Blob, pack, packNumbers, unpackNumbers } from './wire.ts';

/** `to` is the name of the request, so that no two answers are the same message. */
export const packAnswer = (result: JobResult, to: string): Blob => {
  if (result.kind === 'minimise') return pack({ ...result, to });
  const { features, hits, places, ...rest } = result;
  const numbers = [features, hits, places].map(packNumbers);
  return pack({ ...rest, to, features: numbers[0], hits: numbers[1], places: numbers[2] });
};

/**
 * The answer to what was asked under the name `to`.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_MISSING`, `APEMU_ERR_QUEUE_MESSAGE` for something that cannot be an answer to it
 */
export const readAnswer = async (
  hash: string,
  { job, to }: { readonly job: Job; readonly to: string },
  store: BlobStore,
  facts: TargetFacts,
): Promise<JobResult> => {
  if (job.kind === 'minimise') {
    const { to: answered, ...answer } = await store.get(hash, MINIMISE_ANSWER);
    if (answered !== to) throw wrong('it is to another request');
    checkMinimised(answer, job);
    return answer;
  }
  const { to: answered, features, hits, places, ...rest } = await store.get(hash, BATCH_ANSWER);
  if (answered !== to) throw wrong('it is to another request');
  const answer: BatchResult = {
    ...rest,
    features: unpackNumbers(features),
    hits: unpackNumbers(hits),
    places: [...unpackNumbers(places)],
  };
  checkBatch(answer, job, facts);
  return answer;
};

const wrong = (what: string): ApemuError =>
  new ApemuError('APEMU_ERR_QUEUE_MESSAGE', `an answer that cannot be: ${what}`);

/** Checks that lines are such as a worker writes: an AP program of events, in the form in which apemu prints it. */
const checkLines = (lines: string): void => {
  let printed: string;
  try {
    printed = scenarioLines(parseScenarioLines(lines, '<answer>'));
  } catch (cause) {
    throw wrong(`its scenario is none: ${(cause as Error).message.split('\n')[0]}`);
  }
  if (printed !== lines) throw wrong('its scenario is not written as scenarios are');
};

const checkMinimised = (answer: MinimiseResult, { violation }: MinimiseJob): void => {
  checkLines(answer.lines);
  if (keyOf(answer.violation) !== keyOf(violation)) throw wrong('it is about another finding');
};

const checkBatch = (answer: BatchResult, { cases }: BatchJob, { featureCount }: TargetFacts) => {
  const { features, hits, kept, firsts, broken } = answer;
  if (answer.cases !== cases.length) throw wrong(`${answer.cases} cases of ${cases.length}`);
  if (features.length !== hits.length) throw wrong('features without a number of cases');
  if (hits.some((hit) => hit > cases.length))
    throw wrong('a feature met in more cases than there are');
  const met = new Set(features);
  if (met.size !== features.length || features.some((one) => one >= featureCount))
    throw wrong('a feature twice, or one that the target does not have');
  const fresh = [...kept.flatMap((one) => one.fresh), ...firsts.map(([feature]) => feature)];
  if (fresh.some((feature) => !met.has(feature))) throw wrong('news that no case has met');
  const texts = [...kept, ...broken].map(({ lines }) => lines);
  for (const lines of new Set([...texts, ...firsts.map(([, one]) => one)])) checkLines(lines);
};
