// SPDX-License-Identifier: Apache-2.0
// Fixes of Linux's AP drivers that can be taken back, each as a few replacements in the files of Linux 6.12.
// Source: docs/reference/fuzzing.md section 5 (numbers, commits), the messages of those commits.

const FOLDER = 'drivers/s390/crypto/';

/**
 * `edits`: where, what (a regular expression, so that no text of Linux stands here), by what, and how often it must be there.
 * @type {Record<string, { commit: string, says: string, edits: { file: string, find: RegExp, by: string, times: number }[] }>}
 */
export const FIXES = {
  G1: {
    commit: 'e73a99f3287a',
    says: 'a reply that comes after its queue was offline makes the number of outstanding requests negative',
    edits: [
      {
        file: `${FOLDER}ap_queue.c`,
        find: /queue_count = max_t\(int, [01], aq->queue_count ([-+]) 1\)/g,
        by: 'queue_count $1= 1',
        times: 2,
      },
    ],
  },
  G2: {
    commit: '3826350e6dd4',
    says: 'a reply nobody waits for is counted as the one that is outstanding',
    edits: [
      {
        file: `${FOLDER}ap_queue.c`,
        find: /!status\.queue_empty && !aq->queue_count/g,
        by: '0',
        times: 1,
      },
    ],
  },
  G3: {
    commit: 'cabebb697c98',
    says: 'a queue without interruptions is not polled',
    edits: [
      {
        file: `${FOLDER}ap_queue.c`,
        find: /status\.irq_enabled \?\s*(\w+INTERRUPT) : \w+/g,
        by: '$1',
        times: 2,
      },
    ],
  },
  G8: {
    commit: '6733775a92ea',
    says: 'reply code 8B is not known, and a queue with an unknown code is set offline',
    edits: [
      {
        file: `${FOLDER}zcrypt_error.h`,
        find: /^\tcase \w+_BY_HYPERVISOR:.*\n/gm,
        by: '',
        times: 1,
      },
      {
        file: `${FOLDER}zcrypt_error.h`,
        find: /(\tdefault:\n)/g,
        by: '$1\t\tzq->online = 0;\n',
        times: 1,
      },
    ],
  },
  G9: {
    commit: '4bf56b691e10',
    says: 'a reply longer than the buffer stays on its queue',
    edits: [
      {
        file: `${FOLDER}ap_queue.c`,
        find: /while \(status\.response_code == 0xFF[^)]*\)/g,
        by: 'while (0)',
        times: 1,
      },
    ],
  },
  G10: {
    commit: '91ffc519c199',
    says: 'a request that a card did not get done is sent again without limit',
    edits: [
      {
        file: `${FOLDER}zcrypt_api.h`,
        find: /(define TRACK_AGAIN_MAX) \d+/g,
        by: '$1 0x7fffffff',
        times: 1,
      },
    ],
  },
};
