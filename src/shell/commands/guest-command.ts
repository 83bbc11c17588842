// SPDX-License-Identifier: Apache-2.0
// `guest`: what an administrator does with guests, and what a guest itself shows.
// Source: docs/design.md section 7; docs/reference/vfio-ap.md section 7.1 (S4-18, S4-24).
import { ERRNO_TEXT, type Errno } from '../../ap-bus/errno.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { apSystemOf, guestRelease } from '../../guest/ap-bus-driver/lszcrypt.ts';
import { totalStatistics } from '../../guest/ap-bus-driver/total-statistics.ts';
import type { GuestHandle } from '../../host/api/guest-handle.ts';
import { lszcrypt as program } from '../../s390-tools/lszcrypt.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';
import { type CommandRow, columns, described, type Invocation } from './command-row.ts';
import {
  attach,
  busStateOf,
  end,
  isOutside,
  mdevOf,
  programNameOf,
  programOf,
  start,
  stateOf,
} from './guests.ts';
import { MIGRATE_WORDS, migrateGuest } from './migrate-guest.ts';

/** A command about a guest: the guest, and the words after its name. */
interface Call {
  readonly context: ShellContext;
  readonly guest: GuestHandle;
  readonly rest: readonly string[];
}

type Act = (call: Call) => CommandResult | Operation<CommandResult> | Promise<CommandResult>;

const MATRIX = '/sys/devices/vfio_ap/matrix';

/** The mdev that is named after a guest: a UUID, a path to it, or `-device vfio-ap,sysfsdev=PATH`. By default it is the guest's own. */
function deviceOf({ context, guest, rest }: Call): string | undefined {
  const words = rest.filter((word) => word !== '-device');
  if (words.length === 0) return guest.uuid;
  const [word = ''] = words;
  const given = /^(?:vfio-ap,)?sysfsdev=([^,]*)/.exec(word)?.[1] ?? word;
  if (words.length > 1 || given === '') return undefined;
  const path = given.includes('/') ? context.files.realpath(given) : undefined;
  return path?.ok ? path.text.slice(path.text.lastIndexOf('/') + 1) : given.toLowerCase();
}

function attachTo(call: Call): CommandResult {
  const uuid = deviceOf(call);
  if (uuid === undefined) return failed(`guest: one mdev, not ${call.rest.join(' ')}`, 2);
  const outcome = attach(call.context, call.guest, uuid);
  if (outcome === 'ok') return done('');
  const path = uuid.includes('/') ? uuid : `${MATRIX}/${uuid}`;
  return failed(`guest: ${call.guest.name}: ${path}: ${ERRNO_TEXT[outcome as Errno]}`);
}

async function startGuest(call: Call): Promise<CommandResult> {
  const { context, guest, rest } = call;
  if (isOutside(context, guest))
    return failed(`guest: ${guest.name} runs under QEMU: what it runs is its own kernel`);
  if (programOf(context, guest) !== undefined)
    return failed(`guest: ${guest.name} is ${stateOf(context, guest)} already`);
  if (rest.length > 0 || !context.machine.isAttached(guest.name)) {
    const attached = attachTo(call);
    if (attached.status !== 0) return attached;
  }
  await start(context, guest);
  return done('');
}

function stopGuest({ context, guest }: Call): CommandResult | Operation<CommandResult> {
  const attached = context.machine.isAttached(guest.name);
  if (!end(context, guest) && !attached) return failed(`guest: ${guest.name} is off`);
  return close(context, guest);
}

/** Closes the vfio device for the last time. Time passes while queues are reset. */
function* close(context: ShellContext, guest: GuestHandle): Operation<CommandResult> {
  yield* context.machine.detachOperation(guest.name);
  return done('');
}

function detachGuest({ context, guest }: Call): CommandResult | Operation<CommandResult> {
  if (!context.machine.isAttached(guest.name))
    return failed(`guest: ${guest.name} is not attached`);
  return close(context, guest);
}

function lszcrypt({ context, guest, rest }: Call): CommandResult {
  const state = busStateOf(context, guest);
  if (state === undefined) {
    const why =
      programOf(context, guest) === undefined ? 'is not running' : 'runs no AP bus driver';
    return failed(`guest: ${guest.name} ${why}`);
  }
  const system = apSystemOf(state);
  return program(system, rest, guestRelease(state, context.machine.config.host.s390Tools));
}

/** Counts of a guest's program: instructions, messages, replies. */
function statistics({ context, guest }: Call): CommandResult {
  const running = programOf(context, guest);
  if (running === undefined) return failed(`guest: ${guest.name} is not running`);
  const rows: [string, string][] = [
    ['program', running.name],
    ['state', stateOf(context, guest)],
    ['instructions', String(running.cpu.executed)],
  ];
  const state = busStateOf(context, guest);
  if (state !== undefined) {
    const total = totalStatistics(state);
    rows.push(['scans', String(state.scans)], ['interruptions', String(state.interruptions)]);
    for (const [name, value] of Object.entries(total)) {
      // `apemu run` is for measuring times, so they are left out.
      if (typeof value !== 'number' || name.endsWith('Ns')) continue;
      rows.push([name, String(value)]);
    }
  }
  return done(columns(rows));
}

function list({ context }: Invocation): CommandResult {
  const rows = context.machine.guests.map((guest) => {
    const exists = context.files.stat(`${MATRIX}/${mdevOf(context, guest)}`).ok;
    return [
      guest.name,
      elsewhere(context, guest.name) ?? stateOf(context, guest),
      exists ? mdevOf(context, guest) : '-',
      programNameOf(context, guest) || '-',
    ];
  });
  return done(columns([['NAME', 'STATE', 'MDEV', 'PROGRAM'], ...rows]));
}

/** Tells on which machine a guest is that is not on this one. */
function elsewhere(
  { options: { cluster }, machine }: ShellContext,
  name: string,
): string | undefined {
  const home = cluster?.whereIs(name);
  return home === undefined || cluster?.machine(home) === machine ? undefined : `on ${home}`;
}

const ACTS: Readonly<Record<string, Act>> = {
  start: startGuest,
  stop: stopGuest,
  attach: attachTo,
  detach: detachGuest,
  lszcrypt,
  statistics,
  migrate: migrateGuest,
};

/** Values of the first operand, for completion. */
const GUEST_VERBS: readonly string[] = ['list', ...Object.keys(ACTS)];

function guest(invocation: Invocation): ReturnType<Act> {
  const { args, context } = invocation;
  const [verb = 'list', name, ...rest] = args;
  if (verb === 'list') return list(invocation);
  const act = Object.hasOwn(ACTS, verb) ? ACTS[verb] : undefined;
  const usage = `usage: guest list | ${Object.keys(ACTS).join('|')} NAME`;
  if (act === undefined || name === undefined) return failed(usage, 2);
  const guest = context.machine.guest(name);
  // If it was started here too, it would run twice.
  const where = act === migrateGuest ? undefined : elsewhere(context, name);
  if (where !== undefined) return failed(`guest: ${name} is ${where}`);
  return act({ context, guest, rest });
}

const VERB_TEXTS: readonly (readonly [string, string])[] = [
  ['list', 'guests, their states, mdevs and programs'],
  ['start NAME [MDEV]', "opens the mdev's vfio device and starts the guest's program"],
  ['stop NAME', 'ends the program and closes the device'],
  ['attach NAME [MDEV]', 'opens the device alone'],
  ['detach NAME', 'closes it'],
  ['lszcrypt NAME [-V]', 'what the guest itself sees'],
  ['statistics NAME', "counts of the guest's program"],
  [`migrate ${MIGRATE_WORDS}`, 'moves it to another machine'],
];

export const GUEST_COMMAND: CommandRow = {
  name: 'guest',
  usage: `list | ${Object.keys(ACTS).join('|')} NAME`,
  meaning: 'guests; start and attach take an mdev too',
  verbs: GUEST_VERBS,
  details: () => described(VERB_TEXTS),
  run: guest,
};
