// SPDX-License-Identifier: Apache-2.0
// What of a kernel's AP drivers was executed, by function: for reports.
import type { PageFunction } from '../fuzz/page-data.ts';
import { type CodeSymbol, symbolAt } from './text.ts';

/** A block of code that was executed: the function it is in, and how far behind its beginning it starts. */
export interface ReachedBlock {
  readonly symbol: CodeSymbol;
  readonly offset: number;
}

/** `symbol+0x12`, with the module where there is one. */
export const blockName = ({ symbol, offset }: ReachedBlock): string => {
  const module = symbol.module === '' ? '' : ` [${symbol.module}]`;
  return `${symbol.name}+0x${offset.toString(16)}${module}`;
};

/** The block at each of some addresses; what is in no function is left out. */
export const blocksAt = (
  symbols: readonly CodeSymbol[],
  addresses: readonly number[],
): ReachedBlock[] =>
  addresses.flatMap((address) => {
    const symbol = symbolAt(symbols, address);
    return symbol === undefined ? [] : [{ symbol, offset: address - symbol.address }];
  });

/** Every function of `symbols` with its blocks, also those of which none was executed. `lines`: places in the source by block. */
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
