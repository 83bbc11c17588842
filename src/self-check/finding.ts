// SPDX-License-Identifier: Apache-2.0
// A finding as people get it: the shortest program, what it breaks, and the configuration it needs.
// Source: docs/design.md sections 5 and 6.
import type { Statement } from '../program/ast.ts';
import { printProgram } from '../program/print.ts';
import { configText, type FuzzConfig } from './config.ts';
import { minimise } from './minimise.ts';
import { RULES, type Violation } from './rules.ts';
import { commentLine, numbered } from './statements.ts';
import { checkedConfig, replay, type StreamOptions, type StreamResult } from './stream.ts';

export interface Finding {
  readonly seed: number;
  readonly violation: Violation;
  readonly config: FuzzConfig;
  readonly statements: readonly Statement[];
}

/** Makes short what a stream has found. */
export const findingOf = async (
  result: StreamResult,
  options: Pick<StreamOptions, 'prepare' | 'pause'>,
): Promise<Finding | undefined> => {
  const { violation, config, seed } = result;
  const { prepare, pause } = options;
  if (violation === undefined) return undefined;
  const checked = checkedConfig(config);
  let last = violation;
  const reproduces = async (statements: readonly Statement[]): Promise<boolean> => {
    const found = await replay(checked, statements, { seed, prepare, pause });
    if (found?.violation.rule !== violation.rule) return false;
    last = found.violation;
    return true;
  };
  const statements = await minimise(result.statements, reproduces);
  return { seed, violation: last, config, statements };
};

/** Name of the files a finding is saved in, without ending. */
export const findingName = ({ seed, violation }: Finding): string =>
  `${violation.rule}-seed-${seed}`;

/** The AP program. `config` is the name of its configuration file. */
export const findingProgram = (finding: Finding, config: string): string => {
  const { rule, message } = finding.violation;
  const name = findingName(finding);
  const head = [
    ` Rule ${rule}: ${RULES[rule]}.`,
    ` Broken by the last line: ${message}.`,
    ` Replay: apemu fuzz --replay ${name}.ap --seed ${finding.seed}`,
  ].map(commentLine);
  const statements = numbered([...head, ...finding.statements]);
  return printProgram({ file: `${name}.ap`, config, statements });
};

/** The text of the configuration file. */
export const findingConfig = (finding: Finding): string =>
  configText(finding.config, `The machine of ${findingName(finding)}.ap, found by apemu fuzz.`);
