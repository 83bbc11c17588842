#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Attacks on the built program: node scripts/attack/run.js [NAME...] [--seconds N | --count N] [--seed N] [--list].
// All named attacks run at the same time, each in a process of its own; without names, all there are. Exit code 1 on a finding,
// with the command that shows it again.
import { parseArgs } from 'node:util';
import { ATTACKS, attackOf } from './frame/attacks.js';
import { supervise } from './frame/supervise.js';

const USAGE = 'node scripts/attack/run.js [NAME...] [--seconds N | --count N] [--seed N] [--list]';

/** A whole number above 0, or the usage and the end. */
function numberOf(text) {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return usage(`${text} is no number above 0`);
}

function usage(why) {
  process.stderr.write(`${why}\nusage: ${USAGE}\n`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        count: { type: 'string' },
        seed: { type: 'string' },
        list: { type: 'boolean' },
      },
    });
  } catch (error) {
    return usage(error.message);
  }
}

const { values, positionals } = readArguments();
const names = positionals.length > 0 ? positionals : ATTACKS;
const attacks = await Promise.all(
  names.map((name) => attackOf(name).catch((error) => usage(error.message))),
);

if (values.list) {
  for (const { name, tries } of attacks) process.stdout.write(`${name.padEnd(12)} ${tries}\n`);
  process.exit(0);
}

// Other inputs each time, unless a seed is given; it is printed, so that every run can be had again.
const seed = values.seed === undefined ? (Date.now() & 0x7fffffff) + 1 : numberOf(values.seed);
const count = values.count === undefined ? undefined : numberOf(values.count);
const seconds = values.seconds === undefined ? undefined : numberOf(values.seconds);

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stop.abort());

const print = (text) => process.stdout.write(text);
const findings = await Promise.all(
  attacks.map((attack) => supervise(attack, { seed, count, seconds, signal: stop.signal, print })),
);
process.exitCode = findings.some((number) => number > 0) ? 1 : 0;
