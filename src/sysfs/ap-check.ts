// SPDX-License-Identifier: Apache-2.0
// ap-check: the mdevctl call-out that keeps AP configurations free of conflicts.
// Source: docs/reference/vfio-ap.md section 7.3 (s390-tools ap_tools/ap-check.c).
import { bitsOf, emptyMask, fullMask, type Mask, maskText } from '../ap-bus/mask.ts';
import { hexToMask } from '../ap-bus/number-syntax.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { MDEV_TYPE } from '../vfio-ap/files.ts';
import { VIRTUAL_MDEV_TYPE } from '../vfio-ap/virtual/files.ts';
import { type CommandResult, done, failed, readLine } from './command.ts';
import {
  type AttributePair,
  activeMatrix,
  activeMdevs,
  attributesOf,
  MATRIX_PATH,
  matrixOf,
  type RealMatrix,
  typeOf,
  UUID_PATTERN,
} from './mdev-attributes.ts';
import type { Sysfs } from './sysfs.ts';

export const PARENT = 'matrix';
/** Exit status of a call-out that is not meant: another type. */
const NOT_MY_TYPE = 2;
/** Types that the call-out answers for. */
const TYPES: readonly string[] = [MDEV_TYPE, VIRTUAL_MDEV_TYPE];

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

/** APQNs of both products, as the messages name them. */
function common(a: RealMatrix, b: { apm: Mask; aqm: Mask }): string[] {
  const [apids, apqis] = [bitsOf(b.apm), bitsOf(b.aqm)];
  const domains = bitsOf(a.aqm).filter((n) => apqis.includes(n));
  return bitsOf(a.apm)
    .filter((n) => apids.includes(n))
    .flatMap((apid) => domains.map((apqi) => `${apid}.${apqi}`));
}

function activeMask(sysfs: Sysfs, name: string): Mask {
  const parsed = hexToMask(readLine(sysfs, `/sys/bus/ap/${name}`) ?? '0x');
  return parsed.ok ? parsed.value : emptyMask();
}

/** Two virtual mdevs may have the same real queues (V-04). */
const sharable = (type: string, other: string): boolean =>
  type === VIRTUAL_MDEV_TYPE && other === VIRTUAL_MDEV_TYPE;

/** Why a start (or live change) does not go with what is active now, a line each; none: it does. */
function activeConflicts(sysfs: Sysfs, { uuid, type }: ApCheckCall, wanted: RealMatrix): string[] {
  if (bitsOf(wanted.aqm).length === 0 && bitsOf(wanted.adm).length > 0)
    return ['At least one usage domain must be specified'];
  const others = activeMdevs(sysfs).filter(
    (other) => other !== uuid && !sharable(type, typeOf(sysfs, other)),
  );
  const masks = { apm: activeMask(sysfs, 'apmask'), aqm: activeMask(sysfs, 'aqmask') };
  return [
    ...others.flatMap((other) =>
      common(wanted, activeMatrix(sysfs, other)).map(
        (apqn) => `APQN ${apqn} already in use by ${other}`,
      ),
    ),
    ...common(wanted, masks).map(
      (apqn) => `APQN ${apqn} is not allowed for ${type} use by the active ap bus mask settings`,
    ),
  ];
}

/** Why an autostart definition does not go with the other definitions and the persistent masks, a line each. */
function persistentConflicts(
  state: PersistentState,
  { uuid, type }: ApCheckCall,
  wanted: RealMatrix,
): string[] {
  const others = [...state.definitions].filter(
    ([other, definition]) =>
      other !== uuid && definition.start === 'auto' && !sharable(type, definition.mdev_type),
  );
  const masks = { apm: state.apmask ?? fullMask(), aqm: state.aqmask ?? fullMask() };
  return [
    ...others.flatMap(([other, { attrs, mdev_type }]) => {
      const matrix = matrixOf(attrs, mdev_type);
      const apqns = typeof matrix === 'string' ? [] : common(wanted, matrix);
      return apqns.map((apqn) => `APQN ${apqn} is defined for autostart by ${other}`);
    }),
    ...common(wanted, masks).map(
      (apqn) =>
        `APQN ${apqn} is not defined for ${type} use by the persistent ap bus mask settings`,
    ),
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
  const wanted = matrixOf(config?.attrs ?? [], call.type);
  if (typeof wanted === 'string') return [wanted];
  if (action === 'start' || event === 'live') {
    if (!sysfs.exists(MATRIX_PATH)) return ['vfio_ap module is not loaded'];
    return activeConflicts(sysfs, call, wanted);
  }
  return config?.start === 'auto' ? persistentConflicts(state, call, wanted) : [];
}

/** One call-out of mdevctl. Status 0: go on; 1: refused with a message; 2: not this type. */
export function* apCheck(
  sysfs: Sysfs,
  state: PersistentState,
  call: ApCheckCall,
): Operation<CommandResult> {
  if (!TYPES.includes(call.type)) return { stdout: '', stderr: '', status: NOT_MY_TYPE };
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
  if (call.type === VIRTUAL_MDEV_TYPE)
    return failed(
      `${VIRTUAL_MDEV_TYPE} does not support live modification (write to its files instead)`,
    );
  if (!features.split(' ').includes('ap_config')) {
    return failed('The vfio_ap driver does not support live modification');
  }
  const wanted = matrixOf(call.config?.attrs ?? []);
  if (typeof wanted === 'string') return failed(wanted);
  const text = [wanted.apm, wanted.aqm, wanted.adm].map(maskText).join(',');
  const outcome = yield* sysfs.write(`${MATRIX_PATH}/${call.uuid}/ap_config`, `${text}\n`);
  return outcome === 'ok' ? done('') : failed(`Failed to write ap_config: ${outcome}`);
}
