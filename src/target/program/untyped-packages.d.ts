// SPDX-License-Identifier: Apache-2.0
// Types of what is used of packages that bring none.

declare module 'amaro' {
  const amaro: {
    transformSync(code: string, options: { mode: 'strip-only' }): { code: string };
  };
  export default amaro;
}

declare module 'istanbul-lib-instrument' {
  export interface FileCoverage {
    readonly statementMap: Readonly<Record<string, { readonly start: { readonly line: number } }>>;
  }
  export interface Instrumenter {
    instrumentSync(code: string, file: string): string;
    lastFileCoverage(): FileCoverage;
    lastSourceMap(): unknown;
  }
  export function createInstrumenter(options: {
    esModules: boolean;
    produceSourceMap: boolean;
    coverageVariable: string;
    coverageGlobalScope: string;
    coverageGlobalScopeFunc: boolean;
    compact: boolean;
  }): Instrumenter;
}
