// SPDX-License-Identifier: Apache-2.0
// The meaning of the bits of a queue status word.
// Source: docs/reference/ap-architecture.md section 2.1.
import { STATUS_ASYNC, STATUS_EMPTY, STATUS_IRQ } from '../../native-like/arch/status-word.ts';

export const queueEmpty = (status: number): boolean => (status & STATUS_EMPTY) !== 0;
export const irqEnabled = (status: number): boolean => (status & STATUS_IRQ) !== 0;
export const asyncError = (status: number): boolean => (status & STATUS_ASYNC) !== 0;
