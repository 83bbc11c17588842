// SPDX-License-Identifier: Apache-2.0
// The map of the image's virtual queues: a record tells whose the queue is, which real queues stand behind it, and which messages are on
// them.
// Source: docs/reference/vfio-ap.md section 8.3 (V-03 to V-11). Status: choice.
import { L_PLACES, L_REPLY } from './layout.ts';

/** Number of records there is room for: the virtual queues of all guests together. */
export const VIRTUAL_QUEUES_MAX = 1024;
/** Record of a virtual queue, 128 bytes. Record 0 stays unused, so that 0 says "none". */
export const VIRTUAL_WORDS = 32;
/** Number of the guest; 0 = the record is free. */
export const E_GUEST = 0;
/** APQN by which the guest knows the queue. */
export const E_APQN = 1;
/** Word index of the queue record that holds the guest's messages. */
export const E_QUEUE = 2;
/** Slots whose message is on a real queue: slot n is bit n from the left. */
export const E_UNDER_WAY = 3;
/** How the real queue for a message is chosen (V-05): CHOICE_*. */
export const E_CHOICE = 4;
/** APQN after that of the real queue used last: among equally good queues, the search begins here (round robin). */
export const E_FOLLOWING = 5;
/**
 * C_VIRTUAL_STAMP when this queue last sent a message. Of several virtual queues with messages, the one that has waited longest is served
 * first.
 */
export const E_STAMP = 6;
/** State of the random choice. */
export const E_RANDOM = 7;
/** 1: messages with secure keys are let through (V-12). */
export const E_ALLOW_SECURE = 8;
/** Longest message in bytes that a slot of the virtual queue has room for. */
export const E_LIMIT = 9;
/** Number of the mdev. */
export const E_MDEV = 10;
/** Number of messages of this virtual queue that real queues have accepted. */
export const E_SENT = 11;
/** Masks of the real adapters and domains behind the virtual ones. */
export const E_APM = 16;
export const E_AQM = 24;

export const CHOICE_LEAST = 0;
export const CHOICE_STICKY = 1;
export const CHOICE_FIRST = 2;
export const CHOICE_RANDOM = 3;

/**
 * In the header of a virtual queue's slot whose message is on a real queue: the real queue's record, the slot there, and the message's
 * tag there.
 */
export const L_REAL_QUEUE = L_REPLY;
export const L_REAL_SLOT = L_REPLY + 1;
export const L_TAG = L_PLACES;
/** PSMID bits 0-31 of every message that an engine has sent; bits 32-63 are the message's tag. */
export const TAG_PSMID_HIGH = 0x56415051;

/** Where a message with a tag is: not answered yet; answered, and the reply waits on the real queue; or no longer on the real queue. */
export const TAG_UNDER_WAY = 0;
export const TAG_READY = 1;
export const TAG_GONE = 2;
