// SPDX-License-Identifier: Apache-2.0
// `apemu view CONFIG|SOCKET`: a page on this computer that shows a partition live, with what its operator may do.
// Source: docs/view.md.

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadConfigFile } from '../../config/load.ts';
import type { MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import { ENDLESS, loadedGuests, withLoad } from '../../load/overrides.ts';
import type { AddCommand } from '../add-command.ts';
import { parseSeed } from '../exec.ts';
import { type CommandIo, EXIT_OK } from '../io.ts';
import { type Content, LoopbackServer, portOption } from '../loopback-server.ts';
import { messagesOption, type Rates, rateOption } from '../run-options.ts';
import { RemoteShell } from '../shell-remote.ts';
import { showWarnings } from '../text.ts';
import { lineOf } from './actions.ts';
import { AskedShell } from './asked-shell.ts';
import { LiveMachine } from './live-machine.ts';
import { partitionPage } from './page.ts';

interface ViewOptions {
  readonly http?: number;
  readonly seed?: number;
  readonly messages?: number;
  readonly rate?: Rates;
}

/** Distance of two looks at the partition. */
const REFRESH_MS = 500;

export const addView: AddCommand = (program, io, done) => {
  program
    .command('view')
    .description('a live page of a partition: who has which queue, what happens, operator actions')
    .argument('<config|socket>', 'configuration to run, or the shell socket of a running apemu')
    .option('--http <port>', 'port of the page; default one that is free', portOption)
    .option('--seed <number>', "the machine's seed, instead of the configuration's", parseSeed)
    .option('--messages <number>', 'messages a queue; default endless', messagesOption)
    .option('--rate <rate>', 'messages a second of each guest, or Guest1=RATE', rateOption)
    .action(async (what: string, options: ViewOptions, _command: Command) => {
      await view(what, options, io);
      done(EXIT_OK);
    });
};

/** What is looked at, and what makes its time pass. */
interface Viewed {
  readonly shell: AskedShell;
  follow(signal: AbortSignal): Promise<void>;
}

async function view(what: string, options: ViewOptions, io: CommandIo): Promise<void> {
  const isSocket = statSync(what, { throwIfNoEntry: false })?.isSocket() === true;
  const viewed = isSocket ? await attach(what, options, io) : await run(what, options, io);
  const { shell } = viewed;
  const stop = new AbortController();
  const signal = AbortSignal.any([io.signal, stop.signal]);
  try {
    const latest = { text: await look(shell) };
    const site = {
      get: {
        '': (nonce: string): Content => ({
          type: 'text/html',
          text: partitionPage(basename(what), nonce),
        }),
        data: (): Content => ({ type: 'application/json', text: latest.text }),
      },
      post: {
        act: async (body: unknown): Promise<Content> => {
          const answer = await act(shell, body);
          latest.text = await look(shell);
          return answer;
        },
      },
    };
    const server = await LoopbackServer.open(site, options.http ?? 0);
    try {
      io.err(`${server.url}\n`);
      await Promise.all([
        viewed.follow(signal),
        keepLooking(shell, latest, signal).finally(() => stop.abort()),
      ]);
    } finally {
      await server.close();
    }
  } finally {
    stop.abort();
    shell.close();
  }
}

/** Watches until it is told to stop, or the shell has gone. */
async function keepLooking(
  shell: AskedShell,
  latest: { text: string },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(REFRESH_MS, undefined, { signal }).catch(() => {});
    if (!signal.aborted) latest.text = await look(shell);
  }
}

/** @throws ApemuError APEMU_ERR_USAGE_CONNECT for a shell that does not show its partition */
async function look(shell: AskedShell): Promise<string> {
  const { status, out, err } = await shell.ask('partition --json');
  if (status === 0) return out;
  throw new ApemuError(
    'APEMU_ERR_USAGE_CONNECT',
    `the shell does not show its partition: ${err.trim()} (expected an apemu of this version)`,
  );
}

async function act(shell: AskedShell, body: unknown): Promise<Content> {
  const asked = lineOf(body);
  if (!asked.ok) return { status: 400, type: 'text/plain', text: `${asked.why}\n` };
  const { status, err } = await shell.ask(asked.line);
  const text = JSON.stringify({ done: status === 0, line: asked.line, told: err.trim() });
  return { type: 'application/json', text };
}

async function attach(
  socket: string,
  { seed, messages, rate }: ViewOptions,
  io: CommandIo,
): Promise<Viewed> {
  const wrong = Object.entries({ seed, messages, rate }).find(([, value]) => value !== undefined);
  if (wrong !== undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_CONNECT',
      `--${wrong[0]} is for a configuration: ${socket} runs already`,
    );
  const shell = await AskedShell.open((output) => RemoteShell.connect(socket, output));
  // Whoever answers there may be silent.
  io.signal.addEventListener('abort', () => shell.close(), { once: true });
  return { shell, follow: async () => {} };
}

async function run(file: string, options: ViewOptions, io: CommandIo): Promise<Viewed> {
  const loaded = loadConfigFile(file);
  showWarnings(loaded, io);
  return await LiveMachine.start(withLiveLoad(loaded.config, options), options.seed, io);
}

/** Makes workloads go on for as long as somebody watches, unless their length is given. */
function withLiveLoad(config: MachineConfig, options: ViewOptions): MachineConfig {
  const { messages = ENDLESS, rate, seed } = options;
  if (loadedGuests(config).length === 0 && rate === undefined && options.messages === undefined)
    return config;
  const all = rate?.all === undefined ? {} : { rate: rate.all };
  const guests = rate === undefined || rate.guests.size === 0 ? {} : { guestRates: rate.guests };
  return withLoad(config, { messages, ...all, ...guests }, seed);
}
