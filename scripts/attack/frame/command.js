// SPDX-License-Identifier: Apache-2.0
// A command of apemu inside this process: arguments in; exit code, output and messages out.
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { runCommand } from '../../../dist/src/cli/commands.js';
import { AbleTime } from './able-time.js';

/** Exit codes a command may end with, whatever it is given. Source: docs/design.md section 7. */
const CODES = [0, 1, 2, 3];
/** More output than this is not kept. */
const KEPT = 200_000;

/** Between two looks how long a command could have run. */
const LOOK_MS = 50;

/** Runs a command line; its signal is aborted after `seconds` in which it could have run. */
export async function command(args, { input = '', seconds = 5 } = {}) {
  const stop = new AbortController();
  const able = new AbleTime(process.pid);
  const timer = setInterval(() => {
    if (able.look() > seconds * 1000) stop.abort();
  }, LOOK_MS);
  const said = { output: '', errors: '' };
  const add = (to) => (text) => {
    if (said[to].length < KEPT) said[to] += text;
  };
  const code = await runCommand(args, {
    out: add('output'),
    err: add('errors'),
    taken: async () => {},
    log: pino({ level: 'silent' }),
    readInput: async () => input,
    get input() {
      return Readable.from([input]);
    },
    isTerminal: false,
    columns: 80,
    signal: stop.signal,
    blocking: (work) => work(),
  });
  clearInterval(timer);
  return { code, ...said, stopped: stop.signal.aborted };
}

/**
 * @param codes exit codes that what it was given may choose
 * @throws Error unless a command ended as commands end, with messages a user can act on
 */
export function checkEnding({ code, errors, stopped }, codes = []) {
  if (/internal error|INTERNAL|\n {4}at /.test(errors))
    throw new Error(`a message of another kind: ${errors.slice(0, 500)}`);
  if (codes.includes(code)) return;
  if (!CODES.includes(code) && !(stopped && code === 130)) throw new Error(`exit code ${code}`);
  if (code > 1 && code !== 130 && !/\[APEMU_ERR_[A-Z0-9_]+\]|^error: /m.test(errors))
    throw new Error(`exit code ${code} without a reason: ${errors.slice(0, 500)}`);
}
