// SPDX-License-Identifier: Apache-2.0
// chzdev and lszdev for the type AP: the masks of the bus as lists of numbers, active and persistent. The layout of lszdev's output is a
// choice.
// Source: docs/reference/vfio-ap.md section 7.3 (s390-tools zdev/src/ap.c).
import {
  bitsOf,
  clearBit,
  copyOf,
  emptyMask,
  fullMask,
  type Mask,
  maskText,
  setBit,
  testBit,
} from '../../ap-bus/mask.ts';
import { hexToMask } from '../../ap-bus/number-syntax.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { type CommandResult, done, failed, readLine } from '../../sysfs/command.ts';
import { activeMatrix, activeMdevs, matrixOf } from '../../sysfs/mdev-attributes.ts';
import type { ShellContext } from '../context.ts';
import type { CommandRow, Invocation } from './command-row.ts';

const MASKS = ['apmask', 'aqmask'] as const;
type MaskName = (typeof MASKS)[number];
const NUMBERS = 256;
const CHZDEV_USAGE = 1;

/** Both masks, in which the bits of the host are on. */
type Masks = Readonly<Record<MaskName, Mask>>;

const RANGE = /^([-+]?)(0[xX][0-9a-fA-F]+|\d+)(?:-(0[xX][0-9a-fA-F]+|\d+))?$/;

/** The mask that a list means: exactly these numbers, or changes of the mask as it was. Undefined if it is not a list. */
function maskOfList(text: string, before: Mask): Mask | undefined {
  const terms = text.split(',');
  const relative = /^[-+]/.test(text);
  const mask = relative ? copyOf(before) : emptyMask();
  if (text === '') return mask;
  for (const term of terms) {
    const match = RANGE.exec(term);
    const from = Number(match?.[2]);
    const to = Number(match?.[3] ?? match?.[2]);
    const signed = match?.[1] !== '';
    if (match === null || signed !== relative || !(from <= to && to < NUMBERS)) return undefined;
    for (let n = from; n <= to; n++) {
      if (match[1] === '-') clearBit(mask, n);
      else setBit(mask, n);
    }
  }
  return mask;
}

/** A mask as a list, such as `3,5-10,37`. */
function listOfMask(mask: Mask): string {
  const bits = bitsOf(mask);
  const runs: [number, number][] = [];
  for (const bit of bits) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === bit - 1) last[1] = bit;
    else runs.push([bit, bit]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

function active(context: ShellContext): Masks {
  const get = (name: MaskName): Mask => {
    const parsed = hexToMask(readLine(context.machine.sysfs, `/sys/bus/ap/${name}`) ?? '0x');
    return parsed.ok ? parsed.value : emptyMask();
  };
  return { apmask: get('apmask'), aqmask: get('aqmask') };
}

const persistent = ({ persistent: state }: ShellContext): Masks => ({
  apmask: state.apmask ?? fullMask(),
  aqmask: state.aqmask ?? fullMask(),
});

/** The first APQN of a matrix that the masks would give to the host. */
function conflict(masks: Masks, matrix: { apm: Mask; aqm: Mask }): string | undefined {
  const apid = bitsOf(matrix.apm).find((n) => testBit(masks.apmask, n));
  const apqi = bitsOf(matrix.aqm).find((n) => testBit(masks.aqmask, n));
  return apid === undefined || apqi === undefined ? undefined : `${apid}.${apqi}`;
}

interface Wish {
  readonly active: boolean;
  readonly persistent: boolean;
  readonly lists: readonly (readonly [MaskName, string])[];
}

function parse(args: readonly string[]): Wish | string {
  const lists: [MaskName, string][] = [];
  let type: string | undefined;
  let only: 'active' | 'persistent' | undefined;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const [name, ...rest] = arg.split('=');
    if (arg === '--type' || arg === '-t') type = args[++i];
    else if (arg === '-a' || arg === '--active') only = 'active';
    else if (arg === '-p' || arg === '--persistent') only = 'persistent';
    else if (arg === 'ap' && type === undefined) type = 'ap';
    else if (rest.length > 0 && MASKS.some((mask) => mask === name))
      lists.push([name as MaskName, rest.join('=')]);
    else return `Unrecognized option or attribute: ${arg}`;
  }
  if (type !== 'ap') return `Unknown device type: ${type ?? ''} (expected --type ap)`;
  return { active: only !== 'persistent', persistent: only !== 'active', lists };
}

/**
 * `chzdev [-a|-p] --type ap apmask=LIST aqmask=LIST`. Refused if an mdev has, or a definition wants, an APQN that would become the
 * host's.
 */
export function* chzdev({ args, context }: Invocation): Operation<CommandResult> {
  const wish = parse(args);
  if (typeof wish === 'string') return failed(`chzdev: ${wish}`, CHZDEV_USAGE);
  if (wish.lists.length === 0) return failed('chzdev: No settings specified', CHZDEV_USAGE);
  const wanted: { active: Record<MaskName, Mask>; persistent: Record<MaskName, Mask> } = {
    active: { ...active(context) },
    persistent: { ...persistent(context) },
  };
  for (const [name, list] of wish.lists) {
    for (const masks of [wanted.active, wanted.persistent]) {
      const mask = maskOfList(list, masks[name]);
      if (mask === undefined)
        return failed(`chzdev: Invalid value for ${name}: ${list}`, CHZDEV_USAGE);
      masks[name] = mask;
    }
  }
  const [first] = wish.lists[0] as readonly [MaskName, string];
  const refused = refusal(context, wish, wanted, first);
  if (refused !== undefined) return failed(`chzdev: ${refused}`);
  if (wish.active) {
    for (const [name] of wish.lists) {
      const text = `${maskText(wanted.active[name])}\n`;
      const outcome = yield* context.machine.sysfs.write(`/sys/bus/ap/${name}`, text);
      if (outcome !== 'ok')
        return failed(`chzdev: Could not write /sys/bus/ap/${name}: ${outcome}`);
    }
  }
  if (wish.persistent) Object.assign(context.persistent, wanted.persistent);
  return done('');
}

function refusal(
  context: ShellContext,
  wish: Wish,
  wanted: { active: Masks; persistent: Masks },
  mask: MaskName,
): string | undefined {
  const { sysfs } = context.machine;
  if (wish.active)
    for (const uuid of activeMdevs(sysfs)) {
      const apqn = conflict(wanted.active, activeMatrix(sysfs, uuid));
      if (apqn !== undefined) return `${mask} conflicts with mdev ${uuid} APQN ${apqn}`;
    }
  if (wish.persistent)
    for (const [uuid, config] of context.persistent.definitions) {
      const matrix = matrixOf(config.attrs, config.mdev_type);
      const apqn = typeof matrix === 'string' ? undefined : conflict(wanted.persistent, matrix);
      if (apqn !== undefined && config.start === 'auto')
        return `persistent ${mask} conflicts with defined ${uuid} APQN ${apqn}`;
    }
  return undefined;
}

/** `lszdev --type ap`: attribute, active and persistent value. */
export const lszdev: CommandRow['run'] = ({ args, context }) => {
  const wish = parse(args.length === 0 ? ['--type', 'ap'] : args);
  if (typeof wish === 'string') return failed(`lszdev: ${wish}`, CHZDEV_USAGE);
  const now = active(context);
  const later = persistent(context);
  let text = 'ATTRIBUTE  ACTIVE                PERSISTENT\n';
  for (const name of MASKS) {
    const cells = [name.padEnd(9), listOfMask(now[name]).padEnd(20), listOfMask(later[name])];
    text += `${cells.join('  ').trimEnd()}\n`;
  }
  return done(text);
};
