// SPDX-License-Identifier: Apache-2.0
// One stream: a machine, generated lines, and rules that are checked after each line; also the replay of lines on a new machine.
import { V_GR } from '../../native-like/machine/layout.ts';
import { configFromObject } from '../config/load.ts';
import type { MachineConfig } from '../config/types.ts';
import type { Machine } from '../host/machine/machine.ts';
import { Random } from '../lpar/random.ts';
import type { Statement } from '../program/ast.ts';
import { type FuzzConfig, varyConfig } from './config.ts';
import { Generator } from './generator.ts';
import { factsOf } from './machine-facts.ts';
import { type Violation, violated } from './rules.ts';
import { Session } from './session.ts';
import { countInstruction, emptyStatistics, type Statistics } from './statistics.ts';

export interface StreamOptions {
  readonly config: FuzzConfig;
  readonly seed: number;
  /** Highest number of lines in a stream. */
  readonly lines: number;
  /** Leaves the configuration as it is. */
  readonly keepConfig?: boolean | undefined;
  /** Called with each new machine; tests plant defects here. */
  readonly prepare?: ((machine: Machine) => void) | undefined;
  /** Awaited now and then, so that others get a turn; what it throws ends the stream. */
  readonly pause?: (() => Promise<void>) | undefined;
}

export interface StreamResult {
  readonly seed: number;
  /** The configuration this stream ran on. */
  readonly config: FuzzConfig;
  readonly statements: readonly Statement[];
  readonly violation: Violation | undefined;
  readonly statistics: Statistics;
}

/** Every fourth stream runs on the configuration as it is. */
const KEEP_EVERY = 4;
/** Lines of a stream between two pauses, which let signals and other work in. */
const PAUSE_EVERY = 16;
/** Streams of the random numbers of a seed. */
const CONFIG_STREAM = 1;
const LINE_STREAM = 2;

/** Runs one generated stream up to the first rule that does not hold. */
export const runStream = async (options: StreamOptions): Promise<StreamResult> => {
  const { seed, prepare } = options;
  const keep = options.keepConfig === true || seed % KEEP_EVERY === 0;
  const config = keep
    ? options.config
    : varyConfig(options.config, new Random(seed, CONFIG_STREAM));
  const checked = checkedConfig(config);
  const session = await Session.open({ config: checked, seed, prepare });
  const statements: Statement[] = [];
  const statistics = emptyStatistics();
  let violation: Violation | undefined;
  try {
    const generator = new Generator(factsOf(checked), new Random(seed, LINE_STREAM));
    while (violation === undefined && statements.length < options.lines) {
      if (statements.length % PAUSE_EVERY === 0) await options.pause?.();
      const statement = generator.next();
      statements.push(statement);
      violation = session.run(statement);
      noteEnding(session, statement, generator, statistics);
    }
    violation ??= balanced(session);
  } finally {
    session.close();
  }
  statistics.lines = statements.length;
  Object.assign(statistics.messages, session.watch.ledger.balance);
  return { seed, config, statements, violation, statistics };
};

/** Checked, with the warnings of over-provisioned mdevs left out. */
export const checkedConfig = (config: FuzzConfig): MachineConfig => configFromObject(config).config;

const noteEnding = (
  session: Session,
  statement: Statement,
  generator: Generator,
  statistics: Statistics,
): void => {
  const executed = session.lastInstruction;
  if (statement.kind !== 'instruction' || executed === undefined) return;
  const { image } = session.machine;
  const gr1 = image.word(executed.vcpu + V_GR + 3);
  countInstruction(statistics, executed.word, executed.gr0, gr1, executed.ending);
  const gr0 = BigInt(image.word(executed.vcpu + V_GR + 1) >>> 0);
  generator.ended(statement, executed.ending, gr0);
};

/** Checks at the end that every accepted message is accounted for. */
const balanced = (session: Session): Violation | undefined => {
  const { ledger } = session.watch;
  const { accepted, answered, flushed, lost } = ledger.balance;
  if (accepted === answered + flushed + lost + ledger.open) return undefined;
  return violated(
    'message',
    `${accepted} accepted, ${answered} answered, ${flushed} flushed, ${lost} lost`,
  );
};

/** Runs lines on a fresh machine. The first rule that does not hold and the number of lines run, or undefined. */
export const replay = async (
  config: MachineConfig,
  statements: readonly Statement[],
  options: Pick<StreamOptions, 'seed' | 'prepare' | 'pause'>,
): Promise<{ readonly violation: Violation; readonly lines: number } | undefined> => {
  const session = await Session.open({ config, ...options });
  try {
    for (const [index, statement] of statements.entries()) {
      if (index % PAUSE_EVERY === 0) await options.pause?.();
      const violation = session.run(statement);
      if (violation !== undefined) return { violation, lines: index + 1 };
    }
    return undefined;
  } finally {
    session.close();
  }
};
