// SPDX-License-Identifier: Apache-2.0
// How a campaign goes, on a terminal of 80 columns: a small screen that is written over; without a terminal a line now and then.
import type { CampaignStats } from '../fuzz/statistics.ts';
import type { CommandIo } from './io.ts';

export interface StatusScreen {
  show(stats: CampaignStats): void;
  /** A line that stays on the terminal, above the line of progress. */
  say(text: string): void;
  end(): void;
}

const COLUMNS = 78;
const SHOW_MS = 250;

const number = (value: number): string => value.toLocaleString('en-US');

const clock = (seconds: number): string => {
  const whole = Math.floor(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
};

/** A row with two columns of `name value`. */
const row = (...cells: readonly (readonly [string, string])[]): string =>
  cells
    .map(([name, value]) => `${name.padEnd(14)}${value}`.padEnd(38))
    .join('')
    .trimEnd()
    .slice(0, COLUMNS);

/** Number of places of the code that were reached, and of all places; for a kernel the latter is not known. */
export const placesText = ({ places, placesAll }: CampaignStats): string =>
  placesAll === 0 ? `${number(places)} places` : `${number(places)} of ${number(placesAll)} places`;

/** All lines of the screen. */
const statusLines = (stats: CampaignStats, driver: string, folder: string): string[] => [
  `apemu fuzz ${driver}`.slice(0, COLUMNS),
  row(
    ['run time', clock(stats.seconds)],
    ['cases', `${number(stats.cases)} (${number(stats.casesPerSecond)}/s)`],
  ),
  row(
    ['virtual time', `${number(stats.virtualSeconds)} s`],
    ['instructions', number(stats.executed)],
  ),
  row(['code', placesText(stats)], ['cells', `${number(stats.cells)} architected`]),
  row(['code paths', number(stats.code)], ['pairs', `${number(stats.pairs)} of codes`]),
  row(['corpus', number(stats.corpus)], ['last new', `${number(stats.sinceNew)} cases ago`]),
  row(['findings', number(stats.findings)], ['broken in', `${number(stats.broken)} cases`]),
  `out           ${folder}`.slice(0, COLUMNS),
];

/** Progress in one line. */
const statusLine = (stats: CampaignStats): string =>
  `${number(stats.cases)} cases (${number(stats.casesPerSecond)}/s), code ${placesText(stats)}, cells ${stats.cells}, corpus ${stats.corpus}, findings ${stats.findings}, last new ${number(stats.sinceNew)} cases ago`;

export const statusScreen = (
  io: CommandIo,
  { driver, folder, linesMs }: { driver: string; folder: string; linesMs: number },
): StatusScreen => {
  let shown = performance.now();
  let drawn = 0;
  const clear = (): void => {
    if (drawn > 0) io.err(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  return {
    show(stats) {
      const ms = io.isTerminal ? SHOW_MS : linesMs;
      if (performance.now() - shown < ms) return;
      shown = performance.now();
      if (!io.isTerminal) {
        io.err(`${statusLine(stats)}\n`);
        return;
      }
      clear();
      const lines = statusLines(stats, driver, folder);
      io.err(`${lines.join('\n')}\n`);
      drawn = lines.length;
    },
    say(text) {
      clear();
      io.err(text);
    },
    end: clear,
  };
};
