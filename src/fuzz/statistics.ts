// SPDX-License-Identifier: Apache-2.0
// The figures of a campaign, for the status screen, stats.json, the plot and the page.
import type { Campaign } from './campaign.ts';

/** Plain data, so that it can be written as JSON and sent to the page. */
export interface CampaignStats {
  readonly cases: number;
  readonly casesPerSecond: number;
  readonly seconds: number;
  readonly executed: number;
  readonly virtualSeconds: number;
  readonly generation: number;
  readonly corpus: number;
  /** Number of features met: those of the code, architected cells, pairs of codes. */
  readonly code: number;
  readonly cells: number;
  readonly pairs: number;
  /** Number of places of the driver's code that were reached, and that exist. */
  readonly places: number;
  readonly placesAll: number;
  readonly findings: number;
  /** Number of cases that broke a rule. */
  readonly broken: number;
  /** Number of cases since something new was reached. */
  readonly sinceNew: number;
}

/** `seconds` is the time of this run by the clock, `fresh` the number of cases run in it. */
export const statsOf = (
  campaign: Campaign,
  placesAll: number,
  cellCount: number,
  seconds: number,
  fresh: number,
): CampaignStats => {
  const { codeFeatures } = campaign.facts;
  let code = 0;
  let cells = 0;
  for (const feature of campaign.hits.keys()) {
    if (feature < codeFeatures) code++;
    else if (feature < codeFeatures + cellCount) cells++;
  }
  return {
    cases: campaign.cases,
    casesPerSecond: seconds > 0 ? Math.round(fresh / seconds) : 0,
    seconds: Math.round(seconds * 10) / 10,
    executed: campaign.executed,
    virtualSeconds: Math.round(campaign.ns / 1e9),
    generation: campaign.generation,
    corpus: campaign.corpus.length,
    code,
    cells,
    pairs: campaign.hits.size - code - cells,
    places: campaign.places.size,
    placesAll,
    findings: campaign.findings.length,
    broken: [...campaign.broken.values()].reduce((sum, count) => sum + count, 0),
    sinceNew: campaign.cases - campaign.lastNew,
  };
};
