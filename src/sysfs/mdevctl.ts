// SPDX-License-Identifier: Apache-2.0
// mdevctl: types, list, define, start, stop, modify and undefine over the tree, with ap-check called where the program calls it.
// Source: docs/reference/vfio-ap.md section 7.3 (mdevctl).
import type { Operation } from '../ap-bus/operation.ts';
import {
  type ApCheckCall,
  apCheck,
  type MdevConfig,
  PARENT,
  type PersistentState,
} from './ap-check.ts';
import { type CommandResult, done, failed, namesIn, readLine } from './command.ts';
import {
  type AttributePair,
  activeMdevs,
  attributesOf,
  MATRIX_PATH,
  TYPES_PATH,
  typeOf,
  UUID_PATTERN,
} from './mdev-attributes.ts';
import { type MdevctlOptions as Options, parseOptions } from './mdevctl-options.ts';
import type { Sysfs } from './sysfs.ts';

const TYPE_NAME = /^vfio_ap-/;

/** What the commands work on. `readFile` gives the text of a --jsonfile; `-` or none is standard input. */
export interface MdevctlContext {
  readonly sysfs: Sysfs;
  readonly state: PersistentState;
  readonly stdin?: string;
  /** Makes a UUID, for `define` without -u. */
  newUuid?(): string;
  readFile?(path: string): string | undefined;
}

/** A device as lists show it. */
interface Listed {
  readonly uuid: string;
  readonly config: MdevConfig;
  readonly active: boolean;
  readonly defined: boolean;
}

function devices({ sysfs, state }: MdevctlContext, options: Options): Listed[] {
  const active = activeMdevs(sysfs);
  const uuids = options['defined'] === undefined ? active : [...state.definitions.keys()].sort();
  return uuids
    .filter((uuid) => options['uuid'] === undefined || options['uuid'].toLowerCase() === uuid)
    .map((uuid) => {
      const definition = state.definitions.get(uuid);
      const attrs = attributesOf(sysfs, uuid);
      const running: MdevConfig = {
        mdev_type: typeOf(sysfs, uuid),
        start: definition?.start ?? 'manual',
        attrs,
      };
      const config = options['defined'] === undefined ? running : (definition ?? running);
      return { uuid, config, active: active.includes(uuid), defined: definition !== undefined };
    });
}

function list(context: MdevctlContext, options: Options): CommandResult {
  const found = devices(context, options);
  if (options['dumpjson'] !== undefined) {
    const entries = found.map(({ uuid, config }) => ({ [uuid]: config }));
    const json = found.length === 0 ? [] : [{ [PARENT]: entries }];
    return done(`${JSON.stringify(json, null, 2)}\n`);
  }
  let text = '';
  for (const { uuid, config, active, defined } of found) {
    text += `${uuid} ${PARENT} ${config.mdev_type}`;
    if (options['defined'] !== undefined) text += ` ${config.start}${active ? ' (active)' : ''}`;
    else if (defined) text += ' (defined)';
    text += '\n';
    if (options['verbose'] === undefined || config.attrs.length === 0) continue;
    text += '  Attrs:\n';
    for (const [i, pair] of config.attrs.entries())
      text += `    @{${i}}: ${JSON.stringify(pair)}\n`;
  }
  return done(text);
}

function types({ sysfs }: MdevctlContext, options: Options): CommandResult {
  const rows = namesIn(sysfs, TYPES_PATH, TYPE_NAME).map((type) => {
    const get = (file: string): string => readLine(sysfs, `${TYPES_PATH}/${type}/${file}`) ?? '';
    return {
      type,
      instances: get('available_instances'),
      api: get('device_api'),
      name: get('name'),
    };
  });
  if (options['dumpjson'] !== undefined) {
    const found = rows.map(({ type, instances, api, name }) => ({
      [type]: { available_instances: Number(instances), device_api: api, name },
    }));
    return done(`${JSON.stringify([{ [PARENT]: found }], null, 2)}\n`);
  }
  const lines = rows.flatMap(({ type, instances, api, name }) => [
    `  ${type}`,
    `    Available instances: ${instances}`,
    `    Device API: ${api}`,
    `    Name: ${name}`,
  ]);
  return done(`${[PARENT, ...lines].join('\n')}\n`);
}

/** Configuration from --jsonfile, or undefined if none was named; a string is the message of a bad one. */
function jsonConfig(context: MdevctlContext, options: Options): MdevConfig | string | undefined {
  const path = options['jsonfile'];
  if (path === undefined) return undefined;
  const text = path === '-' ? context.stdin : context.readFile?.(path);
  if (text === undefined) return `Unable to open file ${path}`;
  try {
    const value = JSON.parse(text) as Partial<MdevConfig>;
    const attrs = value.attrs ?? [];
    const good = typeof value.mdev_type === 'string' && Array.isArray(attrs);
    if (!good) return 'invalid json: expected mdev_type and attrs';
    return {
      mdev_type: value.mdev_type as string,
      start: value.start === 'auto' ? 'auto' : 'manual',
      attrs: attrs.map((pair) => ({ ...pair })),
    };
  } catch (cause) {
    return `invalid json: ${(cause as Error).message}`;
  }
}

function* callout(
  { sysfs, state }: MdevctlContext,
  event: ApCheckCall['event'],
  action: ApCheckCall['action'],
  uuid: string,
  config: MdevConfig,
  parent = PARENT,
): Operation<CommandResult> {
  const call = { event, action, uuid, parent, type: config.mdev_type, config };
  const result = yield* apCheck(sysfs, state, call);
  // Nothing checks definitions of another type, so mdevctl goes on without a check.
  return result.status === 2 ? done('') : result;
}

function* define(context: MdevctlContext, options: Options): Operation<CommandResult> {
  const uuid = (options['uuid'] ?? context.newUuid?.() ?? '').toLowerCase();
  const fromFile = jsonConfig(context, options);
  if (typeof fromFile === 'string') return failed(fromFile);
  const active = activeMdevs(context.sysfs).includes(uuid);
  if (fromFile === undefined && options['type'] === undefined && !active) {
    return failed('No type specified');
  }
  const config: MdevConfig = fromFile ?? {
    mdev_type: options['type'] ?? typeOf(context.sysfs, uuid),
    start: options['auto'] === undefined ? 'manual' : 'auto',
    attrs: active ? attributesOf(context.sysfs, uuid) : [],
  };
  const answer = yield* callout(
    context,
    'pre',
    'define',
    uuid,
    config,
    options['parent'] ?? PARENT,
  );
  if (answer.status !== 0) return answer;
  context.state.definitions.set(uuid, config);
  return done(options['uuid'] === undefined ? `${uuid}\n` : '');
}

function* start(context: MdevctlContext, options: Options): Operation<CommandResult> {
  const { sysfs, state } = context;
  const uuid = (options['uuid'] ?? context.newUuid?.() ?? '').toLowerCase();
  const fromFile = jsonConfig(context, options);
  if (typeof fromFile === 'string') return failed(fromFile);
  const given =
    options['type'] === undefined
      ? undefined
      : ({ mdev_type: options['type'], start: 'manual', attrs: [] } as const);
  const config = fromFile ?? state.definitions.get(uuid) ?? given;
  if (config === undefined) return failed(`Config for ${uuid} does not exist`);
  if (sysfs.exists(`${MATRIX_PATH}/${uuid}`)) return failed('Device already exists');
  const answer = yield* callout(context, 'pre', 'start', uuid, config, options['parent'] ?? PARENT);
  if (answer.status !== 0) return answer;
  const created = yield* sysfs.write(`${TYPES_PATH}/${config.mdev_type}/create`, uuid);
  if (created !== 'ok') return failed(`Failed to create mdev ${uuid}: ${created}`);
  for (const pair of config.attrs) {
    const [name = '', value = ''] = Object.entries(pair)[0] ?? [];
    const outcome = yield* sysfs.write(`${MATRIX_PATH}/${uuid}/${name}`, value);
    if (outcome === 'ok') continue;
    yield* sysfs.write(`${MATRIX_PATH}/${uuid}/remove`, '1');
    return failed(`Failed to write ${value} to attribute ${name}: ${outcome}`);
  }
  return done(options['uuid'] === undefined ? `${uuid}\n` : '');
}

function* stop(context: MdevctlContext, options: Options): Operation<CommandResult> {
  const uuid = (options['uuid'] ?? '').toLowerCase();
  if (!activeMdevs(context.sysfs).includes(uuid)) return failed('Device is not an active mdev');
  const outcome = yield* context.sysfs.write(`${MATRIX_PATH}/${uuid}/remove`, '1');
  return outcome === 'ok' ? done('') : failed(`Error removing device ${uuid}: ${outcome}`);
}

/** Attributes after --addattr, --delattr, or the message of a bad index. */
function edited(attrs: readonly AttributePair[], options: Options): AttributePair[] | string {
  const result = [...attrs];
  const index = options['index'] === undefined ? undefined : Number(options['index']);
  const last = options['addattr'] === undefined ? result.length - 1 : result.length;
  if (index !== undefined && !(Number.isInteger(index) && index >= 0 && index <= last)) {
    return 'Attribute index is invalid';
  }
  if (options['addattr'] !== undefined) {
    const pair = { [options['addattr']]: options['value'] ?? '' };
    result.splice(index ?? result.length, 0, pair);
  } else if (options['delattr'] !== undefined) {
    if (result.length === 0) return 'Attribute index is invalid';
    result.splice(index ?? result.length - 1, 1);
  }
  return result;
}

function* modify(context: MdevctlContext, options: Options): Operation<CommandResult> {
  const { sysfs, state } = context;
  const uuid = (options['uuid'] ?? '').toLowerCase();
  const live = options['live'] !== undefined;
  const definition = state.definitions.get(uuid);
  if (live && !activeMdevs(sysfs).includes(uuid)) return failed('Device is not an active mdev');
  if (!live && definition === undefined) return failed("Config doesn't exist");
  const fromFile = jsonConfig(context, options);
  if (typeof fromFile === 'string') return failed(fromFile);
  const base: MdevConfig = live
    ? {
        mdev_type: typeOf(sysfs, uuid),
        start: definition?.start ?? 'manual',
        attrs: attributesOf(sysfs, uuid),
      }
    : (definition as MdevConfig);
  const attrs = edited((fromFile ?? base).attrs, options);
  if (typeof attrs === 'string') return failed(attrs);
  const started =
    options['auto'] !== undefined ? 'auto' : options['manual'] !== undefined ? 'manual' : undefined;
  const config: MdevConfig = {
    mdev_type: fromFile?.mdev_type ?? options['type'] ?? base.mdev_type,
    start: started ?? (fromFile ?? base).start,
    attrs,
  };
  const answer = yield* callout(context, live ? 'live' : 'pre', 'modify', uuid, config);
  if (answer.status === 0 && !live) state.definitions.set(uuid, config);
  return answer;
}

function* undefine(context: MdevctlContext, options: Options): Operation<CommandResult> {
  const uuid = (options['uuid'] ?? '').toLowerCase();
  const config = context.state.definitions.get(uuid);
  if (config === undefined) return failed("Config doesn't exist");
  const answer = yield* callout(context, 'pre', 'undefine', uuid, config);
  if (answer.status === 0) context.state.definitions.delete(uuid);
  return answer;
}

type Command = (
  context: MdevctlContext,
  options: Options,
) => CommandResult | Operation<CommandResult>;

const COMMANDS: Readonly<Record<string, Command>> = {
  types,
  list,
  define,
  start,
  stop,
  modify,
  undefine,
};

/** Exit status of mdevctl's parser (clap) for a command line it does not understand. */
const CLAP_USAGE = 2;

const notUnderstood = (word: string): string =>
  word.startsWith('-')
    ? `error: unexpected argument '${word}' found`
    : `error: unrecognized subcommand '${word}'`;

/** Runs `mdevctl COMMAND ...`. `stop` sleeps while the device is open. */
export function* mdevctl(
  context: MdevctlContext,
  args: readonly string[],
): Operation<CommandResult> {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return failed(notUnderstood(name), CLAP_USAGE);
  const options = parseOptions(rest);
  if (typeof options === 'string') return failed(options, CLAP_USAGE);
  const uuid = options['uuid'];
  if (uuid !== undefined && !UUID_PATTERN.test(uuid))
    return failed('Invalid UUID specified', CLAP_USAGE);
  const result = command(context, options);
  return 'status' in result ? result : yield* result;
}
