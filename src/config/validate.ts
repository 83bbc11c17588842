// SPDX-License-Identifier: Apache-2.0
// Checks a source against the schema: every deviation becomes a mistake in plain words, and is cut out of the tree, so that
// the checks that follow see only values of the right shape.

import { Settings } from 'typebox/system';
import { Errors } from 'typebox/value';
import { type Mistake, nearest } from './mistakes.ts';
import { formatPath, type Path, type Source } from './source.ts';

/** The parts of a JSON schema node this file reads. */
interface SchemaNode {
  readonly type?: string;
  readonly expected?: string;
  readonly expectedKey?: string;
  readonly together?: boolean;
  readonly byKind?: boolean;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: unknown;
}

/**
 * typebox stops at 8 errors unless told otherwise; those it leaves out would be mistakes that pass. How many there can be is limited by the
 * number of entries of a source.
 */
const MAX_ERRORS = Number.MAX_SAFE_INTEGER;
/** Cutting a value can leave its parent without a required key, and so on upward; trees are less deep than this. */
const MAX_CUTS = 100;

export interface Validated {
  /** What is left of the tree when everything wrong is cut out. */
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
}

/** All deviations of `source` from `schema`, whose only required key is `apemu`. The source itself is not changed. */
export function validate(schema: object, source: Source): Validated {
  const mistakes: Mistake[] = [];
  let value: unknown = structuredClone(source.value);
  for (let round = 0; round < MAX_CUTS; round++) {
    const errors = outermost(withoutMappedUnions(schema, errorsOf(schema, value)));
    if (errors.length === 0) break;
    // Only findings of the first round count. Those of later rounds are consequences of what was cut out.
    const findings = errors.flatMap((error) => findingsOf(schema, error, value));
    if (round === 0) for (const finding of findings) mistakes.push(mistakeOf(finding, source));
    for (const finding of findings) value = cut(value, finding.cut);
    value = withoutCuts(value);
  }
  return { value, mistakes };
}

function errorsOf(schema: object, value: unknown): SchemaError[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: MAX_ERRORS });
  try {
    return Errors(schema, value) as SchemaError[];
  } finally {
    Settings.Set({ maxErrors });
  }
}

/**
 * Removes the error of a union whose alternatives differ in kind (`byKind` in the schema: a list or a mapping), if something inside the
 * value is wrong, since that error belongs to the alternative of the value's kind.
 */
function withoutMappedUnions(schema: object, errors: readonly SchemaError[]): SchemaError[] {
  const mapped = new Set(
    errors
      .filter((error) => isUnion(error) && schemaNodes(schema, error.schemaPath).at(-1)?.byKind)
      .map(({ instancePath }) => instancePath),
  );
  if (mapped.size === 0) return [...errors];
  const wrongInside = new Set<string>();
  for (const { instancePath } of errors) {
    for (let end = instancePath.lastIndexOf('/'); end > 0; ) {
      const parent = instancePath.slice(0, end);
      if (mapped.has(parent)) wrongInside.add(parent);
      end = parent.lastIndexOf('/');
    }
  }
  return errors.filter(({ instancePath }) => !wrongInside.has(instancePath));
}

/** One error for each place. Of the errors inside a union, only that of the union itself is kept. */
function outermost(errors: readonly SchemaError[]): SchemaError[] {
  const byInstance = new Map<string, SchemaError>();
  for (const error of errors) {
    if (error.keyword === 'boolean') continue;
    const known = byInstance.get(error.instancePath);
    if (known === undefined || error.schemaPath.length < known.schemaPath.length) {
      byInstance.set(error.instancePath, error);
    }
  }
  const kept = [...byInstance.values()];
  // A schema has a few unions, however many values failed them.
  const unions = new Set(kept.filter(isUnion).map(({ schemaPath }) => `${schemaPath}/anyOf/`));
  return kept.filter(
    ({ schemaPath }) => ![...unions].some((union) => schemaPath.startsWith(union)),
  );
}

/** Whether a union has failed as a whole. The errors below it tell why each of its alternatives does not fit. */
const isUnion = ({ keyword }: SchemaError): boolean => keyword === 'anyOf';

/** A deviation: what to say, where, and what to cut. */
interface Finding {
  readonly what: string;
  readonly message: string;
  readonly expected: string | undefined;
  readonly at: Path;
  readonly key: boolean;
  readonly cut: Path;
}

function mistakeOf(finding: Finding, source: Source): Mistake {
  return {
    code: `APEMU_ERR_CONFIG_${finding.what}`,
    message: finding.message,
    expected: finding.expected,
    place: finding.key ? source.placeOfKey(finding.at) : source.placeOf(finding.at),
  };
}

function findingsOf(schema: object, error: SchemaError, value: unknown): Finding[] {
  const path = pathOf(error.instancePath, value);
  const node = schemaNodes(schema, error.schemaPath).at(-1) ?? {};
  const whole = cutAt(schema, error.schemaPath, path);
  const params = error.params as Record<string, string[]>;
  const name = path.length === 0 ? 'the file' : formatPath(path);
  if (error.keyword === 'additionalProperties') {
    return params['additionalProperties'].map((key) => ({
      what: 'UNKNOWN_KEY',
      message: `unknown key ${key}${hint(key, node)}${hexadecimalHint(key, /number/.test(node.expectedKey ?? ''))}`,
      expected: expectedKeys(node),
      at: [...path, key],
      key: true,
      cut: whole.length < path.length ? whole : [...path, key],
    }));
  }
  if (error.keyword === 'required') {
    return params['requiredProperties'].map((key) => ({
      what: 'MISSING_KEY',
      message: `${name} has no key ${key}`,
      expected: (node.properties?.[key] as SchemaNode | undefined)?.expected,
      at: path,
      key: true,
      cut: whole,
    }));
  }
  const found = get(value, path);
  return [
    {
      what: typeof found === 'number' ? 'RANGE' : 'TYPE',
      message: `${name} is ${describe(found)}${hexadecimalHint(found, node.type === 'integer')}`,
      expected: expectation(node),
      at: path,
      key: false,
      cut: whole,
    },
  ];
}

function expectation(node: SchemaNode): string | undefined {
  if (node.expected !== undefined) return node.expected;
  if (node.type === 'object') return `a mapping with ${expectedKeys(node)}`;
  return node.type === undefined ? undefined : `a ${node.type}`;
}

function expectedKeys(node: SchemaNode): string {
  if (node.expectedKey !== undefined) return node.expectedKey;
  return `one of ${Object.keys(node.properties ?? {}).join(', ')}`;
}

function hint(key: string, node: SchemaNode): string {
  const candidate = nearest(key, Object.keys(node.properties ?? {}));
  return candidate === undefined ? '' : `, did you mean ${candidate}?`;
}

/** A hint for a value such as `ab` where a number was expected. */
const hexadecimalHint = (found: unknown, wantsNumber: boolean): string =>
  wantsNumber && typeof found === 'string' && /^[0-9a-fA-F]{1,8}$/.test(found)
    ? `, did you mean 0x${found}?`
    : '';

/** A value in a message: short, on one line. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Segments of a JSON pointer; a segment that names a list's place becomes a number. */
function pathOf(pointer: string, root: unknown): Path {
  const path: (string | number)[] = [];
  let value = root;
  for (const segment of pointer.split('/').slice(1)) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(key) : key);
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
  return path;
}

/** Schema nodes from the root to the one `schemaPath` names. */
function schemaNodes(schema: object, schemaPath: string): SchemaNode[] {
  const nodes = [schema as SchemaNode];
  for (const segment of schemaPath.split('/').slice(1)) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    nodes.push((nodes[nodes.length - 1]?.[key] ?? {}) as SchemaNode);
  }
  return nodes;
}

/** Where to cut: at the outermost mapping whose keys make sense only together (`together` in the schema), else at `path`. */
function cutAt(schema: object, schemaPath: string, path: Path): Path {
  const segments = schemaPath.split('/').slice(1);
  const nodes = schemaNodes(schema, schemaPath);
  let depth = 0;
  for (const [index, node] of nodes.entries()) {
    if (node.together === true) return path.slice(0, depth);
    const container = segments[index - 1];
    if (container === 'properties' || container === 'patternProperties') depth++;
    if (segments[index] === 'items') depth++;
  }
  return path;
}

function get(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (node, key) => (node as Record<string | number, unknown> | undefined)?.[key],
    value,
  );
}

/** Stands in a list for an entry that was cut out, so that the places of its neighbours stay true. */
const CUT = Symbol('cut');

/** Takes the value at `path` out. The root is replaced by an empty configuration. */
function cut(value: unknown, path: Path): unknown {
  if (path.length === 0) return isMapping(value) ? { ...value, apemu: 1 } : { apemu: 1 };
  const parent = get(value, path.slice(0, -1));
  const key = path[path.length - 1];
  if (Array.isArray(parent)) parent[key as number] = CUT;
  else if (isMapping(parent)) delete parent[key];
  return value;
}

function withoutCuts(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== CUT).map(withoutCuts);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutCuts(item)]));
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
