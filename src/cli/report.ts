// SPDX-License-Identifier: Apache-2.0
// `apemu report A.json B.json`: two runs or two sweeps, as `apemu run --json` wrote them, beside each other: what changed.
// Source: docs/load.md.

import { basename } from 'node:path';
import type { Command } from 'commander';
import { readText } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import { compareRuns, comparisonJson, comparisonText } from '../load/compare.ts';
import { compareCharts } from '../load/compare-charts.ts';
import { pageHtml } from '../load/page.ts';
import { parseRunFile, RUN_FILE, type RunFile } from '../load/run-file.ts';
import type { AddCommand } from './add-command.ts';
import { type CommandIo, EXIT_OK } from './io.ts';
import { outputOption, writeOutput } from './output-file.ts';
import { comparisonFacts } from './page-facts.ts';

/** `-`: standard input, as of other commands. */
const STDIN = '-';

interface ReportOptions {
  readonly html?: string;
  readonly json?: boolean;
}

export const addReport: AddCommand = (program, io, done) => {
  program
    .command('report')
    .description('compare two runs or two sweeps: what changed')
    .argument('<a>', 'what apemu run --json wrote; - is standard input')
    .argument('<b>', 'the same of the run to compare it with')
    .option('--html <file>', 'write a page with the plots of both', outputOption)
    .option('--json', 'one record a figure')
    .action(async (a: string, b: string, options: ReportOptions, _command: Command) => {
      await report(a, b, options, io);
      done(EXIT_OK);
    });
};

async function report(
  a: string,
  b: string,
  { html, json }: ReportOptions,
  io: CommandIo,
): Promise<void> {
  if (a === STDIN && b === STDIN)
    throw new ApemuError('APEMU_ERR_USAGE_REPORT', 'only one of the two can be standard input');
  const [first, second] = [await read(a, io), await read(b, io)];
  const comparison = compareRuns(first, second);
  const text = comparisonText(comparison, [nameOf(a), nameOf(b)]);
  io.out(json === true ? comparisonJson(comparison) : text);
  if (html !== undefined)
    writeOutput(
      html,
      pageHtml(
        `apemu report: ${nameOf(a)} and ${nameOf(b)}`,
        text,
        compareCharts(first, second),
        comparisonFacts(a, b),
      ),
    );
}

const nameOf = (file: string): string => (file === STDIN ? '<stdin>' : basename(file));

const read = async (file: string, io: CommandIo): Promise<RunFile> =>
  file === STDIN
    ? parseRunFile(await io.readInput(RUN_FILE), nameOf(file))
    : parseRunFile(readText(file, RUN_FILE), file);
