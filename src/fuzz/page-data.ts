// SPDX-License-Identifier: Apache-2.0
// What the page of a campaign shows, as plain data: the grid of architected coverage, lines of the driver that were not reached,
// findings.
// Source: docs/design.md section 10.
import { FUNCTION_NAMES } from '../../native-like/arch/function-numbers.ts';
import { ENDINGS, partsOf, QUEUE_STATES } from '../target/architected.ts';
import type { DriverBundle } from '../target/program/driver-bundle.ts';
import type { Campaign } from './campaign.ts';
import { LEGAL_CELLS } from './grid.ts';
import type { MachineFigures } from './job.ts';
import type { CampaignStats } from './statistics.ts';

export interface PageCell {
  /** Number of cases in which it was met. */
  readonly count: number;
  /** Whether a machine can give this answer. */
  readonly legal: boolean;
  /** The scenario that reached it first; empty if none did. */
  readonly lines: string;
}

/** A row of the grid: one function and one ending, with a cell for each state. */
export interface PageRow {
  readonly name: string;
  readonly cells: readonly PageCell[];
}

export interface PageFile {
  readonly file: string;
  readonly text: string;
  /** Lines with places, and those of them that were not reached. */
  readonly places: number;
  readonly missed: readonly number[];
}

/** A function of a kernel, and those of its blocks that were executed, as `+0x12`, or as places in its source. */
export interface PageFunction {
  readonly name: string;
  /** Name of the module; empty for the kernel image. */
  readonly module: string;
  readonly blocks: readonly string[];
}

export interface PageData {
  readonly driver: string;
  readonly stats: CampaignStats;
  readonly history: readonly CampaignStats[];
  readonly states: readonly string[];
  readonly grid: readonly PageRow[];
  readonly legal: { readonly met: number; readonly all: number };
  readonly files: readonly PageFile[];
  readonly functions: readonly PageFunction[];
  readonly findings: readonly {
    readonly id: string;
    readonly oracle: string;
    readonly did: string;
    readonly expected: string;
    readonly lines: string;
    readonly trace: readonly string[];
    /** With several machines: which one found it, and which one saw it again. */
    readonly by: string | undefined;
  }[];
  /** With several machines: the workers. */
  readonly machines: readonly MachineFigures[] | undefined;
  readonly broken: readonly (readonly [string, number])[];
}

const gridOf = (campaign: Campaign): PageRow[] => {
  const { codeFeatures } = campaign.facts;
  const legal = new Set(LEGAL_CELLS.map(({ cell }) => cell));
  const linesOf = new Map(campaign.corpus.map(({ name, lines }) => [name, lines]));
  const wanted = new Set(legal);
  for (const feature of campaign.firsts.keys())
    if (feature - codeFeatures < FUNCTION_NAMES.length * ENDINGS.length * QUEUE_STATES.length)
      wanted.add(feature - codeFeatures);
  const rows = new Map<string, PageCell[]>();
  for (const cell of [...wanted].sort((a, b) => a - b)) {
    const { fn, ending, state } = partsOf(cell);
    const name = `${FUNCTION_NAMES[fn]} ${ENDINGS[ending]}`;
    const cells =
      rows.get(name) ?? QUEUE_STATES.map(() => ({ count: 0, legal: false, lines: '' }) as PageCell);
    const feature = codeFeatures + cell;
    cells[state] = {
      count: campaign.hits.get(feature) ?? 0,
      legal: legal.has(cell),
      lines: linesOf.get(campaign.firsts.get(feature) ?? '') ?? '',
    };
    rows.set(name, cells);
  }
  return [...rows].map(([name, cells]) => ({ name, cells }));
};

const filesOf = (campaign: Campaign, { files }: DriverBundle): PageFile[] =>
  files
    .map(({ file, text, first, lines }) => {
      const missed = new Set(lines.filter((_line, n) => !campaign.places.has(first + n)));
      return { file, text, places: lines.length, missed: [...missed].sort((a, b) => a - b) };
    })
    .filter(({ places }) => places > 0);

/** Number of legal cells that were met. */
const legalMet = (campaign: Campaign): number =>
  LEGAL_CELLS.filter(({ cell }) => campaign.hits.has(campaign.facts.codeFeatures + cell)).length;

export const pageData = (
  campaign: Campaign,
  bundle: DriverBundle,
  stats: CampaignStats,
  history: readonly CampaignStats[],
  functions: readonly PageFunction[],
): PageData => ({
  driver: bundle.name,
  stats,
  history,
  states: QUEUE_STATES,
  grid: gridOf(campaign),
  legal: { met: legalMet(campaign), all: LEGAL_CELLS.length },
  files: filesOf(campaign, bundle),
  functions,
  findings: campaign.findings.map(({ id, violation, lines, trace, by }) => ({
    id,
    oracle: violation.oracle,
    did: violation.did,
    expected: violation.expected,
    lines,
    trace,
    by,
  })),
  machines: campaign.machines(),
  broken: [...campaign.broken],
});
