// SPDX-License-Identifier: Apache-2.0
// A YAML text, or a plain object, as one tree of plain values in which the place of every node is known.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import type { SourcePlace } from '../errors.ts';
import type { Mistake } from './mistakes.ts';
import { parseNumber } from './units.ts';

/** The keys that lead from the root to a node. */
export type Path = readonly (string | number)[];

/** How a check says that something is wrong at a path: `what` becomes the end of the code; `key`: the key, not its value. */
export type Report = (
  what: string,
  path: Path,
  message: string,
  expected?: string,
  key?: boolean,
) => void;

/** Values and places of a configuration. */
export interface Source {
  readonly value: unknown;
  /** Mistakes in the notation itself. */
  readonly mistakes: readonly Mistake[];
  /** Place of a value; a path that does not exist has the place of its nearest ancestor. */
  placeOf(path: Path): SourcePlace;
  /** Place of a key (the value's for lists). */
  placeOfKey(path: Path): SourcePlace;
  /**
   * Whether the value was written as a number with two or more decimal digits, which may be a mistake where hexadecimal numbers are
   * usual.
   */
  isDecimal(path: Path): boolean;
}

/** Aliases may repeat a part; more nodes than this is an attempt to blow up memory. */
const MAX_NODES = 200_000;
/** A longer text is no name, mask or path, and patterns are not made for it. */
const MAX_SCALAR_TEXT = 65_536;
/** No configuration is nested so deeply; an alias inside what it names is, without end. */
const MAX_YAML_DEPTH = 64;
const DEEP = ['the file is nested too deeply', `at most ${MAX_YAML_DEPTH} levels`] as const;

/** What the parser says in words about its own use, or its own limits, in ours: message and what was expected. */
const PARSER_WORDS: readonly (readonly [start: string, message: string, expected: string])[] = [
  ['Maximum call stack', ...DEEP],
  ['Source contains multiple documents', 'a second document begins here', 'one document'],
];

/** `machine.adapters.0x05.type`, for messages. */
export function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`,
    '',
  );
}

const idOf = (path: Path) => JSON.stringify(path);

/**
 * Reads YAML 1.2. APQNs (`05.0004`) and numbers longer than 15 characters stay texts, so that an unquoted APQN or mask
 * is what it looks like.
 */
export function sourceFromYaml(text: string, file: string): Source {
  const tree = new YamlTree(text, file);
  const { value, mistakes } = tree;
  const placeOf = (path: Path): SourcePlace => tree.placeOf(path);
  return {
    value,
    mistakes,
    placeOf,
    placeOfKey: (path) => tree.placeOfKey(path),
    isDecimal: (path) => tree.isDecimal(path),
  };
}

/** The tree of a text: its values, and the offset of every value and key. */
class YamlTree {
  readonly value: unknown;
  readonly mistakes: Mistake[] = [];
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #values = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  readonly #decimals = new Set<string>();
  #nodes = 0;
  #deepOffset: number | undefined;

  constructor(text: string, file: string) {
    this.#file = file;
    const options = { lineCounter: this.#lines, uniqueKeys: false, prettyErrors: false };
    const document = parseDocument(text, options);
    const { errors } = document;
    for (const { message, pos } of errors) this.#mistake('SYNTAX', ...inWords(message, pos[0]));
    this.#targets = errors.length === 0 ? aliasTargets(document) : new Map();
    this.value = this.#convert(document.contents, [], 0);
    if (this.#nodes > MAX_NODES)
      this.#mistake('SIZE', 'the file has too many entries', 0, `at most ${MAX_NODES}`);
    if (this.#deepOffset !== undefined && errors.length === 0)
      this.#mistake('SIZE', DEEP[0], this.#deepOffset, DEEP[1]);
  }

  placeOf(path: Path): SourcePlace {
    const offset = nearestOffset(this.#values, path);
    return offset === undefined ? { file: this.#file } : this.#place(offset);
  }

  isDecimal(path: Path): boolean {
    return this.#decimals.has(idOf(path));
  }

  placeOfKey(path: Path): SourcePlace {
    const offset = this.#keys.get(idOf(path));
    return offset === undefined ? this.placeOf(path) : this.#place(offset);
  }

  #place(offset: number): SourcePlace {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #mistake(what: string, message: string, offset: number, expected?: string): undefined {
    const place = this.#place(offset);
    this.mistakes.push({ code: `APEMU_ERR_CONFIG_${what}`, message, expected, place });
  }

  #convert(node: Node | null | undefined, path: Path, fallback: number): unknown {
    const offset = node?.range?.[0] ?? fallback;
    this.#values.set(idOf(path), offset);
    if (path.length > MAX_YAML_DEPTH) this.#deepOffset ??= offset;
    if (++this.#nodes > MAX_NODES || path.length > MAX_YAML_DEPTH) return undefined;
    if (isAlias(node)) return this.#convert(this.#targets.get(node), path, offset);
    if (isSeq(node))
      return node.items.map((item, i) => this.#convert(item as Node, [...path, i], offset));
    if (isMap(node)) return this.#convertMap(node, path, offset);
    if (!isScalar(node)) return null;
    if (typeof node.value === 'number' && /^[1-9]\d+$/.test(node.source ?? ''))
      this.#decimals.add(idOf(path));
    const value = scalarValue(node.value, node.source);
    return isTooLong(value) ? this.#mistake('SIZE', TOO_LONG[0], offset, TOO_LONG[1]) : value;
  }

  #convertMap(node: YAMLMap, path: Path, offset: number): unknown {
    const result: Record<string, unknown> = Object.create(null);
    const spellings = new Map<string, string>();
    for (const pair of node.items) {
      const keyNode = pair.key as Node;
      const keyOffset = keyNode?.range?.[0] ?? offset;
      if (!isScalar(keyNode)) {
        this.#mistake('SYNTAX', 'a key must be a word or a number', keyOffset);
        continue;
      }
      const key = keyNode.source ?? String(keyNode.value);
      const earlier = spellings.get(String(parseNumber(key) ?? key));
      if (earlier !== undefined) {
        const again = earlier === key ? 'stands here a second time' : `is the same as ${earlier}`;
        this.#mistake('DUPLICATE_KEY', `the key ${key} ${again}`, keyOffset);
        continue;
      }
      spellings.set(String(parseNumber(key) ?? key), key);
      this.#keys.set(idOf([...path, key]), keyOffset);
      result[key] = this.#convert(pair.value as Node, [...path, key], keyOffset);
    }
    return result;
  }
}

/**
 * For each alias, the node it stands for: the last one with that name before it. This takes one walk, while the YAML package searches the
 * whole text for each alias.
 */
const aliasTargets = (document: Document): ReadonlyMap<Alias, Node> => {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, (_key, node) => {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
    } else if (isNode(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
  });
  return targets;
};

const TOO_LONG = ['the text is too long', `at most ${MAX_SCALAR_TEXT} characters`] as const;

const isTooLong = (value: unknown): boolean =>
  typeof value === 'string' && value.length > MAX_SCALAR_TEXT;

/** Offset of the value with this path, or of the nearest one around it. */
const nearestOffset = (values: ReadonlyMap<string, number>, path: Path): number | undefined => {
  for (let length = path.length; length >= 0; length--) {
    const offset = values.get(idOf(path.slice(0, length)));
    if (offset !== undefined) return offset;
  }
  return undefined;
};

/** The part of a source at a path, as a source of its own with additional keys. Its places are those in the whole. */
export function partOf(source: Source, path: Path, more: object): Source {
  const part = path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string | number, unknown>>)[key],
    source.value,
  );
  return {
    value: { ...more, ...(part as object) },
    mistakes: source.mistakes,
    placeOf: (inner) => source.placeOf([...path, ...inner]),
    placeOfKey: (inner) => source.placeOfKey([...path, ...inner]),
    isDecimal: (inner) => source.isDecimal([...path, ...inner]),
  };
}

/** A source from a plain object. It has no lines, so a place is the path of the value. */
export function sourceFromObject(value: unknown, name: string): Source {
  const placeOf = (path: Path): SourcePlace => ({
    file: path.length === 0 ? name : `${name}: ${formatPath(path)}`,
  });
  const mistakes: Mistake[] = [];
  const mistake = ([message, expected]: readonly [string, string], path: Path): undefined => {
    const place = placeOf(path);
    mistakes.push({ code: 'APEMU_ERR_CONFIG_SIZE', message, expected, place });
  };
  let nodes = 0;
  let deep = false;
  /** Plain values only: what is not data (functions, symbols, class instances) becomes a text. */
  const copy = (item: unknown, path: Path): unknown => {
    if (++nodes > MAX_NODES) return undefined;
    if (path.length > MAX_YAML_DEPTH) {
      if (!deep) mistake(DEEP, path);
      deep = true;
      return undefined;
    }
    if (isTooLong(item)) return mistake(TOO_LONG, path);
    if (Array.isArray(item)) return item.map((one, n) => copy(one, [...path, n]));
    if (item === null || typeof item !== 'object')
      return typeof item === 'function' || typeof item === 'symbol' ? String(item) : item;
    const entries = item instanceof Map ? [...item] : Object.entries(item);
    const given = entries.filter(([, one]) => one !== undefined);
    return Object.fromEntries(given.map(([key, one]) => [key, copy(one, [...path, String(key)])]));
  };
  const plain = copy(value, []);
  if (nodes > MAX_NODES) mistake(['there are too many entries', `at most ${MAX_NODES}`], []);
  return { value: plain, mistakes, placeOf, placeOfKey: placeOf, isDecimal: () => false };
}

function scalarValue(value: unknown, source: string | undefined): unknown {
  if (typeof value !== 'number' || source === undefined) return value;
  return /^[0-9a-fA-F]{2}\.[0-9a-fA-F]{4}$/.test(source) || source.length > 15 ? source : value;
}

/** Message, offset and what was expected. */
const inWords = (message: string, offset: number): [string, number, string | undefined] => {
  const row = PARSER_WORDS.find(([start]) => message.startsWith(start));
  return [row?.[1] ?? firstLine(message), offset, row?.[2]];
};

const firstLine = (text: string) => text.split('\n', 1)[0];
