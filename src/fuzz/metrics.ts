// SPDX-License-Identifier: Apache-2.0
// The figures of a campaign for Prometheus.
// Source: Prometheus, "Exposition formats" (text).
import type { MachineFigures } from './job.ts';
import type { CampaignStats } from './statistics.ts';

type Kind = 'counter' | 'gauge';

interface Metric<T> {
  readonly name: string;
  readonly kind: Kind;
  readonly help: string;
  readonly of: (figures: T) => number;
}

const CAMPAIGN: readonly Metric<CampaignStats>[] = [
  { name: 'cases_total', kind: 'counter', help: 'Cases executed.', of: (s) => s.cases },
  { name: 'cases_per_second', kind: 'gauge', help: 'Cases a second.', of: (s) => s.casesPerSecond },
  {
    name: 'broken_cases_total',
    kind: 'counter',
    help: 'Cases that broke a rule.',
    of: (s) => s.broken,
  },
  {
    name: 'cases_since_new',
    kind: 'gauge',
    help: 'Cases since something new was reached.',
    of: (s) => s.sinceNew,
  },
  {
    name: 'generations_total',
    kind: 'counter',
    help: 'Generations of cases.',
    of: (s) => s.generation,
  },
  { name: 'corpus_scenarios', kind: 'gauge', help: 'Scenarios kept.', of: (s) => s.corpus },
  { name: 'findings', kind: 'gauge', help: 'Findings.', of: (s) => s.findings },
  {
    name: 'places_reached',
    kind: 'gauge',
    help: 'Places of the code reached.',
    of: (s) => s.places,
  },
  { name: 'places', kind: 'gauge', help: 'Places of the code.', of: (s) => s.placesAll },
  { name: 'cells_reached', kind: 'gauge', help: 'Architected cells met.', of: (s) => s.cells },
  { name: 'pairs_reached', kind: 'gauge', help: 'Pairs of codes met.', of: (s) => s.pairs },
];

const MACHINE: readonly Metric<MachineFigures>[] = [
  {
    name: 'worker_up',
    kind: 'gauge',
    help: 'Whether the worker is there.',
    of: (m) => Number(m.alive),
  },
  {
    name: 'worker_threads',
    kind: 'gauge',
    help: 'Threads or guests of the worker.',
    of: (m) => m.threads,
  },
  {
    name: 'worker_jobs_total',
    kind: 'counter',
    help: 'Jobs the worker has done.',
    of: (m) => m.jobs,
  },
  {
    name: 'worker_cases_total',
    kind: 'counter',
    help: 'Cases the worker has executed.',
    of: (m) => m.cases,
  },
  {
    name: 'worker_cases_per_second',
    kind: 'gauge',
    help: 'Cases a second of the worker.',
    of: (m) => m.casesPerSecond,
  },
];

/** Labels for a worker. Its name has no character that would have to be escaped (`WORKER` of src/campaign/queue/messages.ts). */
const labelOf = ({ name }: MachineFigures): string => `{worker="${name}"}`;

const family = <T>(
  { name, kind, help, of }: Metric<T>,
  rows: readonly T[],
  label: (row: T) => string,
): string[] => [
  `# HELP apemu_${name} ${help}`,
  `# TYPE apemu_${name} ${kind}`,
  ...rows.map((row) => `apemu_${name}${label(row)} ${of(row)}`),
];

/** The text that Prometheus reads. */
export const metricsText = (
  stats: CampaignStats,
  machines: readonly MachineFigures[] = [],
): string => {
  const all = CAMPAIGN.flatMap((metric) => family(metric, [stats], () => ''));
  const each =
    machines.length === 0 ? [] : MACHINE.flatMap((metric) => family(metric, machines, labelOf));
  return `${[...all, ...each].join('\n')}\n`;
};
