// SPDX-License-Identifier: Apache-2.0
import type { Work } from './adapter.ts';
export interface InjectedReply {
  readonly kind: string;
}
export function applyInjection(_work: Work, size: number, _inject: InjectedReply): number {
  return size;
}
