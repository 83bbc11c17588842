// SPDX-License-Identifier: Apache-2.0
// A finding as its user wants it: a folder with the scenario, the description, the trace, and a test that fails until the driver is
// mended.
// Source: docs/design.md section 10.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { FaultObject } from '../config/load.ts';
import { ORACLES, type Violation } from '../oracle/oracles.ts';
import { asFaults } from '../scenario/as-faults.ts';
import { parseScenarioLines, scenarioProgram } from '../scenario/text.ts';
import { shapesOf } from './shapes.ts';
import { type CampaignStore, CONFIG_FILE, FINDINGS_FOLDER } from './store.ts';

export interface Finding {
  readonly id: string;
  readonly lines: string;
  readonly violation: Violation;
  /** Whether it happened twice in the same way. */
  readonly stable: boolean;
  readonly trace: readonly string[];
  /** Where the driver's code was at its last instruction before it, if the driver tells. */
  readonly place?: string | undefined;
  /** Number of cases that had been run when it was found. */
  readonly cases: number;
  /** With several machines: which one found it, and which one saw it again. */
  readonly by?: string | undefined;
}

/** Name of a finding, made of the oracle, the way, and what happens in its shortest scenario. */
export const findingKey = (violation: Violation, lines: string): string => {
  const shapes = shapesOf(parseScenarioLines(lines));
  const hash = createHash('sha256')
    .update(JSON.stringify([violation.oracle, violation.way, shapes]))
    .digest('hex');
  return `${violation.oracle}-${hash.slice(0, 8)}`;
};

/** What a finding's folder says about its origin. */
export interface FindingContext {
  /** The driver as the user named it, and its path from the finding's folder. */
  readonly driver: string;
  readonly guest: string;
  readonly seed: number;
  /** For a kernel: options with which `apemu fuzz --replay` boots it again. */
  readonly replayOptions?: string | undefined;
}

/** One paragraph about what the driver did and what was expected. */
export const describeFinding = (
  { violation, cases, stable, place }: Finding,
  { driver, seed }: FindingContext,
): string => {
  const { oracle, did, expected } = violation;
  const says = ORACLES.find(({ name }) => name === oracle)?.says ?? '';
  const twice = stable
    ? ''
    : ' It did not come again in the same way: look at what the driver keeps outside its state.';
  const where =
    place === undefined || oracle === 'throws' ? '' : ` Its last instruction before: ${place}.`;
  return `${driver} breaks "${oracle}" (${says}): ${did}.${where} Expected: ${expected}. Found by case ${cases} of seed ${seed}.${twice}`;
};

/** Text of a driver or of another machine, made safe for use in a comment: characters that end a line in some language do not end it. */
const lineOfText = (text: string): string => text.replaceAll(/[\n\r\u2028\u2029]/g, ' ');

const replayCommand = ({ id }: Finding, { replayOptions }: FindingContext): string =>
  ['apemu fuzz --replay', id, replayOptions].filter((word) => word !== undefined).join(' ');

/** The scenario as an AP program, which `apemu exec` and `apemu fuzz --replay` run. */
const findingProgram = (finding: Finding, context: FindingContext): string =>
  scenarioProgram(parseScenarioLines(finding.lines), CONFIG_FILE, [
    lineOfText(describeFinding(finding, context)),
    `Replay: ${replayCommand(finding, context)}`,
  ]);

const imported = (names: string, from: string): string =>
  ['import {', names, '} from', `'${from}';`].join(' ');

/** A test that fails until the driver is mended. */
const findingTest = (finding: Finding, context: FindingContext): string => {
  const name = `${context.driver}: ${finding.violation.expected} (${finding.id})`;
  return [
    `// ${lineOfText(describeFinding(finding, context))}`,
    imported('dirname, join', 'node:path'),
    imported('fileURLToPath', 'node:url'),
    imported('replayScenario', 'apemu'),
    imported('expect, test', 'vitest'),
    '',
    'const folder = dirname(fileURLToPath(import.meta.url));',
    '',
    `test(${JSON.stringify(lineOfText(name))}, async () => {`,
    "  const { violation } = await replayScenario(join(folder, 'scenario.ap'));",
    '  expect(violation).toBeUndefined();',
    '});',
    '',
  ].join('\n');
};

const FAULTS_FILE = 'faults.yaml';

/** The faults for a configuration of the user's own, in which the same happens to whatever drives the queues. */
const faultsText = (faults: readonly FaultObject[]): string =>
  `# What happens in scenario.ap, for a configuration: at the first instructions that match.\n${stringify({ faults }, { flowCollectionPadding: true, collectionStyle: 'flow' })}`;

/** Writes the folder of a finding. `config` is the text of its configuration. */
export const saveFinding = (
  store: CampaignStore,
  finding: Finding,
  context: FindingContext,
  config: string,
): void => {
  const folder = join(FINDINGS_FOLDER, finding.id);
  store.makeFolder(folder);
  const write = (name: string, text: string): void => store.write(join(folder, name), text);
  write(CONFIG_FILE, config);
  write('description.txt', `${describeFinding(finding, context)}\n`);
  write('trace.txt', `${finding.trace.join('\n')}\n`);
  // A kernel is replayed by the command, and not by a test, because that needs a boot.
  if (context.replayOptions === undefined)
    write(`${finding.id}.test.ts`, findingTest(finding, context));
  else write('replay.txt', `${replayCommand(finding, context)}\n`);
  const faults = asFaults(parseScenarioLines(finding.lines), context.guest);
  if (faults !== undefined) write(FAULTS_FILE, faultsText(faults));
  // This is written last, so that a folder with a scenario is complete.
  write('scenario.ap', findingProgram(finding, context));
};
