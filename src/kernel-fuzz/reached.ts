// SPDX-License-Identifier: Apache-2.0
// What was executed of a kernel's AP drivers, by function, for reports.
import type { PageFunction } from '../fuzz/page-data.ts';
import { type CodeSymbol, symbolAt } from './text.ts';

/** A block of code that was executed: the function that contains it, and the offset in it at which it begins. */
export interface ReachedBlock {
  readonly symbol: CodeSymbol;
  readonly offset: number;
}

/** Name of a block: `symbol+0x12`, with the module if there is one. */
export const blockName = ({ symbol, offset }: ReachedBlock): string => {
  const module = symbol.module === '' ? '' : ` [${symbol.module}]`;
  return `${symbol.name}+0x${offset.toString(16)}${module}`;
};

/** The blocks at some addresses. An address in no function is left out. */
export const blocksAt = (
  symbols: readonly CodeSymbol[],
  addresses: readonly number[],
): ReachedBlock[] =>
  addresses.flatMap((address) => {
    const symbol = symbolAt(symbols, address);
    return symbol === undefined ? [] : [{ symbol, offset: address - symbol.address }];
  });

/**
 * Every function of `symbols` with its blocks, including functions of which nothing was executed. `lines` has places in the source by
 * block.
 */
export const functionsOf = (
  symbols: readonly CodeSymbol[],
  blocks: readonly ReachedBlock[],
  lines: ReadonlyMap<string, string> = new Map(),
): PageFunction[] => {
  const bySymbol = new Map(symbols.map((symbol) => [symbol, new Set<string>()]));
  for (const block of blocks) {
    const place = lines.get(blockName(block)) ?? `+0x${block.offset.toString(16)}`;
    bySymbol.get(block.symbol)?.add(place);
  }
  return [...bySymbol].map(([{ name, module }, places]) => ({ name, module, blocks: [...places] }));
};
