// SPDX-License-Identifier: Apache-2.0
// Variables: texts and arrays, the scopes of functions, and read-only variables.
// Source: bash 5.2, manual, sections 3.4 and 6.7 (indexed and associative arrays).
import { bounded, MAX_VARIABLES, ShellLimitError } from './limits.ts';

/** Elements by index or key. Indexed arrays are ordered by index. */
export interface ShellArray {
  readonly kind: 'indexed' | 'associative';
  readonly elements: Map<string, string>;
}

type Value = string | ShellArray;

/** An assignment is not allowed. The message begins with the variable's name. */
export class VariableError extends Error {}

const MAX_INDEX = 0x7fffffff;
const sizeOf = (value: Value | undefined): number => {
  if (value === undefined) return 0;
  if (typeof value === 'string') return value.length + 16;
  let size = 16;
  for (const [key, text] of value.elements) size += key.length + text.length + 16;
  return size;
};

export class Variables {
  #values = new Map<string, Value>();
  #readonly = new Set<string>();
  #integers = new Set<string>();
  #size = 0;
  /** For each function that runs: the variables that are local to it, with what they were before. */
  readonly #scopes: Map<string, Value | undefined>[] = [];

  /** The value of a variable; for an array, its first element. */
  get(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'object' ? value.elements.get('0') : value;
  }

  set(name: string, text: string): void {
    const value = this.#values.get(name);
    if (typeof value === 'object') this.setElement(name, '0', text);
    else this.#put(name, text);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /**
   * Removes a variable.
   *
   * @throws VariableError for a read-only one
   */
  delete(name: string): void {
    this.#check(name);
    this.#size -= sizeOf(this.#values.get(name));
    this.#values.delete(name);
    this.#integers.delete(name);
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }

  array(name: string): ShellArray | undefined {
    const value = this.#values.get(name);
    return typeof value === 'object' ? value : undefined;
  }

  /** The elements of an array in order. A text counts as an array with one element. */
  elements(name: string): [string, string][] {
    const value = this.#values.get(name);
    if (value === undefined) return [];
    if (typeof value === 'string') return [['0', value]];
    const entries = [...value.elements];
    return value.kind === 'associative'
      ? entries
      : entries.sort(([a], [b]) => Number(a) - Number(b));
  }

  /** One element by index or key; undefined if it does not exist. */
  element(name: string, key: string): string | undefined {
    const value = this.#values.get(name);
    if (typeof value === 'object' && value.kind === 'associative') return value.elements.get(key);
    const place = this.indexOf(name, key);
    if (typeof value === 'string') return place === '0' ? value : undefined;
    return place === undefined ? undefined : value?.elements.get(place);
  }

  setArray(name: string, kind: ShellArray['kind'], elements: Iterable<[string, string]>): void {
    this.#put(name, { kind, elements: new Map(elements) });
  }

  /** An index that counts from the end is converted into one that counts from the beginning. */
  setElement(name: string, key: string, text: string): void {
    this.#check(name);
    const array = this.#asArray(name);
    const place = array.kind === 'associative' ? key : this.indexOf(name, key);
    if (place === undefined) throw new VariableError(`${name}[${key}]: bad array subscript`);
    const before = array.elements.get(place);
    this.#account(text.length - (before?.length ?? -place.length - 16));
    array.elements.set(place, bounded(text, name));
  }

  deleteElement(name: string, key: string): void {
    this.#check(name);
    const array = this.array(name);
    const place = array?.kind === 'associative' ? key : this.indexOf(name, key);
    if (array === undefined || place === undefined) return;
    const before = array.elements.get(place);
    if (array.elements.delete(place)) this.#size -= (before?.length ?? 0) + place.length + 16;
  }

  /** The place that an index stands for; undefined if there is none. */
  indexOf(name: string, key: string): string | undefined {
    const n = Number(key);
    if (!Number.isInteger(n) || n > MAX_INDEX) return undefined;
    if (n >= 0) return String(n);
    const last = Math.max(-1, ...this.elements(name).map(([at]) => Number(at)));
    return last + 1 + n < 0 ? undefined : String(last + 1 + n);
  }

  makeReadonly(name: string): void {
    this.#readonly.add(name);
  }

  isInteger(name: string): boolean {
    return this.#integers.has(name);
  }

  makeInteger(name: string): void {
    this.#integers.add(name);
  }

  /** Begins a function. What it declares local ends with it. */
  enter(): void {
    this.#scopes.push(new Map());
  }

  leave(): void {
    for (const [name, before] of this.#scopes.pop() ?? []) {
      this.#size += sizeOf(before) - sizeOf(this.#values.get(name));
      this.#readonly.delete(name);
      if (before === undefined) this.#values.delete(name);
      else this.#values.set(name, before);
    }
  }

  /** Whether a function runs. */
  get inFunction(): boolean {
    return this.#scopes.length > 0;
  }

  /** Makes a variable of this name local to the running function. */
  makeLocal(name: string): void {
    const scope = this.#scopes.at(-1);
    if (scope === undefined || scope.has(name)) return;
    scope.set(name, this.#values.get(name));
    this.#size -= sizeOf(this.#values.get(name));
    this.#values.delete(name);
  }

  /** Remembers what a subshell must leave as it was. The function that is returned puts it back. */
  snapshot(): () => void {
    const [size, names, integers] = [this.#size, new Set(this.#readonly), new Set(this.#integers)];
    const values = new Map<string, Value>();
    for (const [name, value] of this.#values) {
      const copy =
        typeof value === 'string' ? value : { ...value, elements: new Map(value.elements) };
      values.set(name, copy);
    }
    const scopes = this.#scopes.map((scope) => new Map(scope));
    return () => {
      this.#values = values;
      this.#readonly = names;
      this.#integers = integers;
      this.#size = size;
      this.#scopes.splice(0, this.#scopes.length, ...scopes);
    };
  }

  #asArray(name: string): ShellArray {
    const value = this.#values.get(name);
    if (typeof value === 'object') return value;
    const elements = new Map<string, string>(value === undefined ? [] : [['0', value]]);
    const array: ShellArray = { kind: 'indexed', elements };
    this.#put(name, array);
    return array;
  }

  #put(name: string, value: Value): void {
    this.#check(name);
    if (typeof value === 'string') bounded(value, name);
    this.#account(sizeOf(value) - sizeOf(this.#values.get(name)));
    this.#values.set(name, value);
  }

  #account(more: number): void {
    if (this.#size + more > MAX_VARIABLES)
      throw new ShellLimitError(`variables take more than ${MAX_VARIABLES / 0x100000} MiB`);
    this.#size += more;
  }

  #check(name: string): void {
    if (this.#readonly.has(name)) throw new VariableError(`${name}: readonly variable`);
  }
}

/** Replaces the contents of a map. */
export function refill<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}
