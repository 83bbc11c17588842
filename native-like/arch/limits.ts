// SPDX-License-Identifier: Apache-2.0
// Limits of masks, messages, queues and storage.
// Source: docs/reference/ap-architecture.md section 4.5, decisions AD-08, AD-24, AD-26.
// Status: architected; presets are choices.

/** Bytes of a page. */
export const PAGE_BYTES = 4096;
/** Mask of the address bits that tell the page. */
export const PAGE_MASK = ~(PAGE_BYTES - 1);

/** Adapters, and domains, there can be: bits of a mask. */
export const MASK_BITS = 256;
/** Highest numbers without extended addressing (APXA), or without QCI. */
export const MAX_ADAPTER_WITHOUT_APXA = 63;
export const MAX_DOMAIN_WITHOUT_APXA = 15;

/** Default values that AD-24 chooses: nd, message limit, depth. */
export const DEFAULT_ND = 84;
export const DEFAULT_ML = 3;
export const DEFAULT_DEPTH = 8;
/** Greatest depth of a queue, since qd has four bits. */
export const DEPTH_MAX = 16;
/** Message limit in bytes: ml in units of 4 KiB, 0 meaning 12288 (section 4.5). */
export const ML_UNIT_BYTES = 4096;
export const ML_ZERO_BYTES = 12288;
export const ML_MAX = 15;
/** The longest message any queue can take. */
export const MESSAGE_BYTES_MAX = ML_MAX * ML_UNIT_BYTES;

/** Message limit in bytes of an `ml` field. */
export const messageLimit = (ml: number): number => (ml === 0 ? ML_ZERO_BYTES : ml * ML_UNIT_BYTES);
