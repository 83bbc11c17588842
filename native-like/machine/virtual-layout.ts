// SPDX-License-Identifier: Apache-2.0
// The map of the image's virtual queues: a record says whose it is, which real queues stand behind it, and what is under way on them.
// Source: docs/reference/vfio-ap.md section 8.3 (V-03 to V-11). Status: choice.
import { L_PLACES, L_REPLY } from './layout.ts';

/** Records there are room for: virtual queues of all guests together. */
export const VIRTUAL_QUEUES_MAX = 1024;
/** Record of a virtual queue, 128 bytes. Record 0 stays unused, so that 0 says "none". */
export const VIRTUAL_WORDS = 32;
/** Number of the guest; 0 = the record is free. */
export const E_GUEST = 0;
/** APQN as the guest knows it. */
export const E_APQN = 1;
/** Word index of the queue record with the guest's own messages. */
export const E_QUEUE = 2;
/** Slots whose message is on a real queue: slot n is bit n from the left. */
export const E_UNDER_WAY = 3;
/** CHOICE_*: how the real queue is chosen (V-05). */
export const E_CHOICE = 4;
/** First real APQN after that of the last message, for the round robin at a tie. */
export const E_FOLLOWING = 5;
/** C_VIRTUAL_STAMP when a message was sent last: of several virtual queues with messages the one that waits longest is first. */
export const E_STAMP = 6;
/** State of the random choice. */
export const E_RANDOM = 7;
/** 1: messages with secure keys go through (V-12). */
export const E_ALLOW_SECURE = 8;
/** Bytes of a message that a slot of the virtual queue has room for. */
export const E_LIMIT = 9;
/** mdev number. */
export const E_MDEV = 10;
/** Messages of this virtual queue that real queues have accepted. */
export const E_SENT = 11;
/** Real adapters and domains behind the virtual ones. */
export const E_APM = 16;
export const E_AQM = 24;

export const CHOICE_LEAST = 0;
export const CHOICE_STICKY = 1;
export const CHOICE_FIRST = 2;
export const CHOICE_RANDOM = 3;

/** In the header of a virtual queue's slot whose message is under way: real queue record, its slot, and the tag the message has there. */
export const L_REAL_QUEUE = L_REPLY;
export const L_REAL_SLOT = L_REPLY + 1;
export const L_TAG = L_PLACES;
/** PSMID bits 0-31 of every message an engine has sent; bits 32-63 are its tag. */
export const TAG_PSMID_HIGH = 0x56415051;

/** Where a message with a tag is: not answered yet, its reply waits on the real queue, or the real queue does not have it any more. */
export const TAG_UNDER_WAY = 0;
export const TAG_READY = 1;
export const TAG_GONE = 2;
