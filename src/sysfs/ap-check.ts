// SPDX-License-Identifier: Apache-2.0
// ap-check: the mdevctl call-out that keeps AP configurations free of conflicts.
// Source: docs/reference/vfio-ap.md section 7.3 (s390-tools ap_tools/ap-check.c).
import {
  andNot,
  bitsOf,
  emptyMask,
  fullMask,
  type Mask,
  maskText,
  setBit,
} from '../ap-bus/mask.ts';
import { hexToMask, kstrtoul } from '../ap-bus/number-syntax.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { MDEV_TYPE } from '../vfio-ap/files.ts';
import { type CommandResult, done, failed, namesIn, readLine } from './command.ts';
import type { Sysfs } from './sysfs.ts';

export const MATRIX_PATH = '/sys/devices/vfio_ap/matrix';
export const PARENT = 'matrix';
/** Exit status of a call-out that is not meant: another type. */
const NOT_MY_TYPE = 2;
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MAX_NUMBER = 255;

/** One attribute of a definition: an object of one pair, in the order written. */
export type AttributePair = Readonly<Record<string, string>>;

/** What /etc/mdevctl.d/matrix/$uuid holds. */
export interface MdevConfig {
  readonly mdev_type: string;
  readonly start: 'auto' | 'manual';
  readonly attrs: readonly AttributePair[];
}

/** Persistent state: the definitions, and the masks of the udev rule (absent: all ones). */
export interface PersistentState {
  readonly definitions: Map<string, MdevConfig>;
  apmask?: Mask;
  aqmask?: Mask;
}

/** Arguments of a call: -e event, -a action, -u uuid, -p parent, -t type, JSON on standard input. */
export interface ApCheckCall {
  readonly event: 'pre' | 'post' | 'get' | 'live';
  readonly action:
    | 'define'
    | 'modify'
    | 'start'
    | 'stop'
    | 'undefine'
    | 'attributes'
    | 'capabilities';
  readonly uuid: string;
  readonly parent: string;
  readonly type: string;
  readonly config?: MdevConfig;
}

/** Numbers a definition assigns. */
interface Wanted {
  readonly apm: Mask;
  readonly aqm: Mask;
  readonly adm: Mask;
}

const TARGETS: Readonly<Record<string, readonly [keyof Wanted, boolean]>> = {
  assign_adapter: ['apm', true],
  assign_domain: ['aqm', true],
  assign_control_domain: ['adm', true],
  unassign_adapter: ['apm', false],
  unassign_domain: ['aqm', false],
  unassign_control_domain: ['adm', false],
};

/** The matrix attributes lead to, or the message of the first that is wrong. */
export function matrixOf(attrs: readonly AttributePair[]): Wanted | string {
  const wanted: Wanted = { apm: emptyMask(), aqm: emptyMask(), adm: emptyMask() };
  for (const pair of attrs) {
    const [name = '', value = ''] = Object.entries(pair)[0] ?? [];
    if (name === 'ap_config') {
      const masks = value.split(',').map((field) => hexToMask(field));
      if (masks.length !== 3) return `Invalid ap_config '${value}'`;
      for (const [i, part] of (['apm', 'aqm', 'adm'] as const).entries()) {
        const parsed = masks[i];
        if (parsed === undefined || !parsed.ok) return `Invalid ap_config '${value}'`;
        wanted[part].set(parsed.value);
      }
      continue;
    }
    const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
    const parsed = kstrtoul(value);
    if (target === undefined) return `Unknown attribute '${name}'`;
    if (!parsed.ok || parsed.value > MAX_NUMBER) return `Invalid value '${value}' of ${name}`;
    const [part, set] = target;
    if (set) setBit(wanted[part], parsed.value);
    else wanted[part].set(andNot(wanted[part], single(parsed.value)));
  }
  return wanted;
}

function single(n: number): Mask {
  const mask = emptyMask();
  setBit(mask, n);
  return mask;
}

/** APQNs of both products, as the messages name them. */
function common(a: Wanted, b: { apm: Mask; aqm: Mask }): string[] {
  const [apids, apqis] = [bitsOf(b.apm), bitsOf(b.aqm)];
  const domains = bitsOf(a.aqm).filter((n) => apqis.includes(n));
  return bitsOf(a.apm)
    .filter((n) => apids.includes(n))
    .flatMap((apid) => domains.map((apqi) => `${apid}.${apqi}`));
}

/** Matrix of an active mdev, from its files. */
export function activeMatrix(sysfs: Sysfs, uuid: string): Wanted {
  const wanted: Wanted = { apm: emptyMask(), aqm: emptyMask(), adm: emptyMask() };
  const lines = (file: string): string[] => {
    const result = sysfs.read(`${MATRIX_PATH}/${uuid}/${file}`);
    return result.ok ? result.text.split('\n').filter((line) => line !== '') : [];
  };
  for (const line of lines('matrix')) {
    const [apid = '', apqi = ''] = line.split('.');
    if (apid !== '') setBit(wanted.apm, Number.parseInt(apid, 16));
    if (apqi !== '') setBit(wanted.aqm, Number.parseInt(apqi, 16));
  }
  for (const line of lines('control_domains')) setBit(wanted.adm, Number.parseInt(line, 16));
  return wanted;
}

/** UUIDs of active mdevs. */
export const activeMdevs = (sysfs: Sysfs): string[] => namesIn(sysfs, MATRIX_PATH, UUID_PATTERN);

function activeMask(sysfs: Sysfs, name: string): Mask {
  const parsed = hexToMask(readLine(sysfs, `/sys/bus/ap/${name}`) ?? '0x');
  return parsed.ok ? parsed.value : emptyMask();
}

/** Why a start (or live change) does not go with what is active now, a line each; none: it does. */
function activeConflicts(sysfs: Sysfs, uuid: string, wanted: Wanted): string[] {
  if (bitsOf(wanted.aqm).length === 0 && bitsOf(wanted.adm).length > 0)
    return ['At least one usage domain must be specified'];
  const others = activeMdevs(sysfs).filter((other) => other !== uuid);
  const masks = { apm: activeMask(sysfs, 'apmask'), aqm: activeMask(sysfs, 'aqmask') };
  return [
    ...others.flatMap((other) =>
      common(wanted, activeMatrix(sysfs, other)).map(
        (apqn) => `APQN ${apqn} already in use by ${other}`,
      ),
    ),
    ...common(wanted, masks).map(
      (apqn) =>
        `APQN ${apqn} is not allowed for ${MDEV_TYPE} use by the active ap bus mask settings`,
    ),
  ];
}

/** Why an autostart definition does not go with the other definitions and the persistent masks, a line each. */
function persistentConflicts(state: PersistentState, uuid: string, wanted: Wanted): string[] {
  const others = [...state.definitions].filter(
    ([other, { start }]) => other !== uuid && start === 'auto',
  );
  const masks = { apm: state.apmask ?? fullMask(), aqm: state.aqmask ?? fullMask() };
  return [
    ...others.flatMap(([other, { attrs }]) => {
      const matrix = matrixOf(attrs);
      const apqns = typeof matrix === 'string' ? [] : common(wanted, matrix);
      return apqns.map((apqn) => `APQN ${apqn} is defined for autostart by ${other}`);
    }),
    ...common(wanted, masks).map(
      (apqn) =>
        `APQN ${apqn} is not defined for ${MDEV_TYPE} use by the persistent ap bus mask settings`,
    ),
  ];
}

/** Attributes of an active mdev as an array of pairs: adapters, domains, control domains. */
export function attributesOf(sysfs: Sysfs, uuid: string): AttributePair[] {
  const { apm, aqm, adm } = activeMatrix(sysfs, uuid);
  return [
    ...bitsOf(apm).map((n) => ({ assign_adapter: String(n) })),
    ...bitsOf(aqm).map((n) => ({ assign_domain: String(n) })),
    ...bitsOf(adm).map((n) => ({ assign_control_domain: String(n) })),
  ];
}

const CAPABILITIES = {
  provides: {
    version: 2,
    actions: ['define', 'modify', 'start', 'stop', 'undefine', 'attributes', 'capabilities'],
    events: ['pre', 'post', 'get', 'live'],
  },
  supports: { version: 2, actions: ['start', 'stop', 'modify'], events: ['live'] },
};

/** Why a call is refused, a line each; none: it is not. */
function check(sysfs: Sysfs, state: PersistentState, call: ApCheckCall): string[] {
  const { action, event, uuid, config } = call;
  if (!UUID_PATTERN.test(uuid)) return ['Invalid UUID specified'];
  if (call.parent !== PARENT) return ['Invalid parent specified'];
  const defined = state.definitions.has(uuid);
  if (action === 'define' && defined) return ['Config already exists'];
  if ((action === 'modify' || action === 'undefine') && !defined && event !== 'live')
    return ["Config doesn't exist"];
  if (action !== 'define' && action !== 'modify' && action !== 'start') return [];
  const wanted = matrixOf(config?.attrs ?? []);
  if (typeof wanted === 'string') return [wanted];
  if (action === 'start' || event === 'live') {
    if (!sysfs.exists(MATRIX_PATH)) return ['vfio_ap module is not loaded'];
    return activeConflicts(sysfs, uuid, wanted);
  }
  return config?.start === 'auto' ? persistentConflicts(state, uuid, wanted) : [];
}

/** One call-out. Status 0 go on, 1 refused with a message, 2 not this type. */
export function* apCheck(
  sysfs: Sysfs,
  state: PersistentState,
  call: ApCheckCall,
): Operation<CommandResult> {
  if (call.type !== MDEV_TYPE) return { stdout: '', stderr: '', status: NOT_MY_TYPE };
  if (call.event === 'post') return done('');
  if (call.event === 'get') {
    const answer = call.action === 'capabilities' ? CAPABILITIES : attributesOf(sysfs, call.uuid);
    return done(`${JSON.stringify(answer)}\n`);
  }
  const refused = check(sysfs, state, call);
  if (refused.length > 0) return failed(refused.join('\n'));
  if (call.event === 'live' && call.action === 'modify') return yield* modifyLive(sysfs, call);
  return done('');
}

/** A live change is one write of ap_config. */
function* modifyLive(sysfs: Sysfs, call: ApCheckCall): Operation<CommandResult> {
  const features = readLine(sysfs, `${MATRIX_PATH}/features`) ?? '';
  if (!features.split(' ').includes('ap_config')) {
    return failed('The vfio_ap driver does not support live modification');
  }
  const wanted = matrixOf(call.config?.attrs ?? []);
  if (typeof wanted === 'string') return failed(wanted);
  const text = [wanted.apm, wanted.aqm, wanted.adm].map(maskText).join(',');
  const outcome = yield* sysfs.write(`${MATRIX_PATH}/${call.uuid}/ap_config`, `${text}\n`);
  return outcome === 'ok' ? done('') : failed(`Failed to write ap_config: ${outcome}`);
}
