// SPDX-License-Identifier: Apache-2.0
// The map of the machine image: one shared memory with control words, guests, vCPUs, queues, message slots and storage.
// Source: docs/reference/performance.md section 3 (recommended layout), docs/design.md section 2.
// Status: choice. All offsets inside records are 32-bit word indices unless the name ends in `_BYTE`.

/** Changes whenever a saved image of an older build could be misread. */
export const LAYOUT_VERSION = 7;
/** Largest image: byte offsets must stay positive 32-bit numbers. */
export const IMAGE_BYTES_MAX = 0x7fff0000;

// ---- control page -------------------------------------------------------------------------------------------------------
/** Number of guests, the host partition included. */
export const C_GUESTS = 0;
/** Number of vCPUs of all guests. */
export const C_VCPUS = 1;
/** Number of queue records in use, among them record 0, which stands for every queue that is not available. */
export const C_QUEUES = 2;
/** Number of fault records in use. */
export const C_FAULT_COUNT = 3;
/** Trace records in the ring of each thread. */
export const C_TRACE_RECORDS = 4;
/** Number of virtual queue records that have been used, those that are free again included. */
export const C_VIRTUAL_COUNT = 5;
/** Where each region begins, in the order of the regions: its word index, or its byte offset where the name ends so. */
export const C_MASKS = 6;
/** A record of masks that is always empty, for vCPUs whose every instruction must take the slow path: see V_MASKS. */
export const C_EMPTY_MASKS = 7;
/** The masks of each guest's virtual adapters and domains, in the same region as C_MASKS. */
export const C_VIRTUAL_MASKS = 8;
export const C_ADM = 9;
export const C_CRYCB_BYTE = 10;
export const C_GUEST = 11;
export const C_VCPU = 12;
export const C_RUNNER = 13;
export const C_GISA_BYTE = 14;
export const C_FAULTS = 15;
export const C_ADAPTER = 16;
export const C_INDEX = 17;
export const C_TRACE = 18;
/** One bit for each mdev number: on while a KVM is attached to the mdev. */
export const C_MDEV = 19;
/** Records of virtual queues (machine/virtual-layout.ts). */
export const C_VIRTUAL = 20;
export const C_PENDING_BYTE = 21;
export const C_QUEUE = 22;
export const C_COLD = 23;
export const C_POOL_BYTE = 24;
/** First free byte of the slot pool. It only moves up. */
export const C_POOL_NEXT_BYTE = 25;
export const C_POOL_END_BYTE = 26;
export const C_STORAGE_BYTE = 27;
export const C_STORAGE_END_BYTE = 28;
/** Number of NQAPs that found the pool empty and were answered with response code 05. */
export const C_POOL_EMPTY_COUNT = 29;
/** Number of associations started. */
export const C_BIND_SEQUENCE = 30;
/** Machine-wide QCI words: flags, na << 8 | nd. */
export const C_QCI_FLAGS = 31;
export const C_QCI_NA_ND = 32;
/** Options of NQAP and DQAP: OPTION_*. C_CC2_BYTES: condition code 2 after every so many bytes, 0 = never. */
export const C_OPTIONS = 33;
export const C_CC2_BYTES = 34;
/** Differences between host kernels that the handling of intercepts depends on: HOST_* */
export const C_HOST_SWITCHES = 35;
/** Durations in nanoseconds, as doubles (the index in the F64 view is word / 2). */
export const C_TIME_RAPQ = 36;
export const C_TIME_ZAPQ = 38;
export const C_TIME_AQIC = 40;
export const C_TIME_BIND = 42;
/** Time, a double, at which the host side was set up and guests began. The times of faults count from it. */
export const C_TIME_START = 44;
/** Locks and flags that several threads write. Each has a cache line of its own (16 words). */
export const C_STOP = 64;
export const C_GENERATION = 80;
export const C_MDEVS_LOCK = 96;
export const C_POOL_LOCK = 112;
/** GIB: origin of the alert list; pending host interruptions by sub-class (0x80 >> isc); the host's sub-class for alerts. */
export const C_GIB = 128;
export const GIB_HOST_PENDING = 1;
export const GIB_ALERT_ISC = 2;
/** Number of vCPUs in interpretive execution whose exit the host waits for. The last of them wakes the host. */
export const C_AWAITED = 144;
/** Number of messages that virtual queues have sent, which decides whose turn is next; then the tag of the last message. */
export const C_VIRTUAL_STAMP = 160;
export const C_VIRTUAL_TAG = 176;
/** A block of words for each executing thread: first its clock in nanoseconds, a double. Thread 0 is the host. */
export const C_CLOCKS = 256;
export const CLOCK_STRIDE = 64;
/** Word in a thread's block: not 0 when a queue was marked pending since the thread last looked. */
export const T_PENDING = 2;
/** Word in a thread's block: number of trace records the thread has written, modulo 2^32. */
export const T_TRACE = 4;
/** Word in a thread's block: the queue record that all APQNs of its vCPU mean while an intercepted instruction is executed; 0 otherwise. */
export const T_STAND_IN = 6;
/** Word in a thread's block on which an idle thread sleeps; 1 = something has happened. */
export const T_DOORBELL = 8;
/** Word in a thread's block: state of the random generator of its cards. */
export const T_RANDOM = 12;
/** Words in a thread's block: its number in the operating system, then in Node; 0 = not known yet. */
export const T_TASK = 13;
export const T_WORKER = 14;
export const THREAD_SCRATCH_BYTE = 64;
/** Word in a thread's block, alone on its cache line: block of the vCPU the thread has in interpretive execution; 0 = none. */
export const T_IN_SIE = 48;
export const THREADS_MAX = 48;
/** Length of the control words and the blocks of all threads. */
export const CONTROL_BYTES = 16384;
export const MDEVS = 65536;
/** In G_HOOK: every AP instruction is intercepted, and the hook is that of virtual mdevs. */
export const VIRTUAL_HOOK = 0x20000;

/** VD-06: the status of a missing hook goes to bits 32-63 of GR1. */
export const HOST_STRICT_STATUS = 1;
/** VD-07: AQIC on an APQN outside the guest's APCB answers 01. */
export const HOST_AQIC_CHECKS_APCB = 2;
/** VD-18: pin and ISC are not given back after an unexpected response code of the host's AQIC. */
export const HOST_LEAKS_AQIC = 4;
/** A successful AQIC leaves the condition code as it was (Linux 6.1). */
export const HOST_KEEPS_CC = 8;
/** A guest ISC that cannot be registered is answered with response code 08 (Linux 6.1), without this with 06. */
export const HOST_ISC_RC_08 = 16;

/** An NQAP with L = 0, a part of a message, is a specification exception (AD-19). */
export const OPTION_REFUSE_PARTS = 1;
/** Condition code 2 after every n bytes moved; without this, at addresses that are multiples of n (AD-18). */
export const OPTION_CC2_PROGRESS = 2;

// ---- guest --------------------------------------------------------------------------------------------------------------
/** Effective masks, which interpretive execution tests: 64 bytes for each guest. Id n is bit n & 31 from the left of word n >>> 5. */
export const MASK_WORDS = 16;
export const MASK_AQM = 8;
/** Effective ADM: 32 bytes for each guest. */
export const ADM_WORDS = 8;
/** Architected CRYCB: 256 bytes for each guest. */
export const CRYCB_STRIDE_BYTE = 256;
/** Guest record, 192 bytes. */
export const GUEST_WORDS = 48;
export const G_FACILITIES = 0;
export const G_STORAGE_BYTE = 1;
export const G_STORAGE_SIZE = 2;
export const G_FIRST_VCPU = 3;
export const G_VCPUS = 4;
/** CRYCB designation as in the state description; 0 = none. Its address part stands for the guest's CRYCB in the image. */
export const G_CRYCBD = 5;
/** Number of the mdev whose PQAP hook is set, with VIRTUAL_HOOK for a virtual mdev; 0 = no hook. */
export const G_HOOK = 6;
/** Pages of storage behind the external accessor; 0 = the storage is in the image. */
export const G_EXTERNAL = 7;
/** Number of faults that name this guest. */
export const G_FAULTS = 8;
/** GISA format: 0, 1, or -1 when the guest has none. */
export const G_GISA_FORMAT = 9;
/** Number of association secrets of a secure-execution guest. G_SECRET_LIST has up to 8 of them. */
export const G_SECRETS = 10;
export const G_SECRET_LIST = 11;
export const SECRETS_MAX = 8;
/** 1: the host keeps the guest's vCPUs out of interpretive execution. */
export const G_BLOCK = 19;
/** 1: the guest has crashed because the worker of a vCPU died. */
export const G_CRASHED = 20;
/** Guest ISCs registered for notifications: a count for each, then the alert mask (0x80 >> isc). */
export const G_ISC_COUNTS = 21;
export const G_ALERT_MASK = 29;
/** Number of pages pinned on behalf of the guest. */
export const G_PINS = 30;
/** Highest number of pages that may be pinned for the guest, plus 1 (the locked-memory limit of its user space); 0 = no limit. */
export const G_PIN_LIMIT = 31;
/** First word about channel reports (machine/channel-layout.ts). */
export const G_CHANNEL = 32;

// ---- vCPU ---------------------------------------------------------------------------------------------------------------
/** vCPU record, 192 bytes. */
export const VCPU_WORDS = 48;
export const V_PSW_MASK_HIGH = 0;
export const V_PSW_MASK_LOW = 1;
export const V_PSW_ADDRESS_HIGH = 2;
export const V_PSW_ADDRESS_LOW = 3;
/** Not 0: leave interpretive execution before the next instruction, because of a block, a request or an interruption. */
export const V_EVENT = 4;
/** Word index of the masks the fast paths test: V_TRUE_MASKS; or the empty record if every instruction must take the slow path. */
export const V_MASKS = 5;
/** General registers: high half at V_GR + 2n, low half at V_GR + 2n + 1. */
export const V_GR = 8;
/** Word index of the guest record. */
export const V_GUEST = 40;
export const V_STORAGE_BYTE = 41;
export const V_STORAGE_SIZE = 42;
export const V_FACILITIES = 43;
/** Program-interruption code or interception code of the last instruction. */
export const V_EXIT = 44;
/** The intercepted instruction. Its left half is IPA; its right half followed by zeros is IPB. */
export const V_INSTRUCTION = 45;
/** Word index of the guest's effective masks. */
export const V_TRUE_MASKS = 46;
/** Control register 6 bits 32-63: interruption sub-class mask. */
export const V_CR6 = 47;

// ---- queue --------------------------------------------------------------------------------------------------------------
/** Queue record, 128 bytes: control words, then two rings of slot numbers, a byte each. */
export const QUEUE_WORDS = 32;
export const QUEUES_MAX = 65536;
/** What bits 32-63 of GR1 get from a function that ends normally. */
export const Q_STATUS = 0;
/** Not 0 when the queue is in anything but plain operation: ATTENTION_*. */
export const Q_ATTENTION = 1;
/** Free slots; slot n is bit n from the left. */
export const Q_FREE = 2;
/** Slot 0 as a bit of Q_FREE and K_SERVICE; slot n is this shifted right by n. */
export const SLOT_BIT_0 = 0x80000000 | 0;
/** Byte offset of slot 0; 0 before the first NQAP. */
export const Q_SLOTS_BYTE = 3;
export const Q_STRIDE_BYTE = 4;
/** Message limit in bytes. In the record of queues that are not available: the largest limit of the partition's queues (AD-08). */
export const Q_LIMIT = 5;
export const Q_GR2_HIGH = 6;
export const Q_GR2_LOW = 7;
/** Number of replies taken, then of replies added; the place in the ring is the number modulo RING_BYTES. */
export const Q_REPLY_HEAD = 8;
export const Q_REPLY_TAIL = 9;
export const Q_REQUEST_HEAD = 10;
export const Q_REQUEST_TAIL = 11;
/** Who answers requests: DEVICE_*. */
export const Q_DEVICE = 12;
/** Value of Q_FREE when all slots are free. */
export const Q_ALL_FREE = 13;
/** Word index of the cold part of the queue. */
export const Q_COLD = 14;
/** Number of the thread that holds the queue's lock, plus 1; 0 = none. */
export const Q_LOCK = 15;
export const Q_REPLY_RING = 16;
export const Q_REQUEST_RING = 24;
export const RING_BYTES = 32;

/** The kernel answers with the request itself, as soon as NQAP has ended. */
export const DEVICE_LOOPBACK = 0;
/** Requests wait in the ring for an adapter model to take them. */
export const DEVICE_ADAPTER = 1;
/** Requests wait in the ring for an engine that sends them to real queues. */
export const DEVICE_VIRTUAL = 2;

export const ATTENTION_ABSENT = 0x0001;
export const ATTENTION_RESET = 0x0002;
export const ATTENTION_AQIC = 0x0004;
export const ATTENTION_DECONFIGURED = 0x0008;
export const ATTENTION_CHECKSTOPPED = 0x0010;
export const ATTENTION_BUSY = 0x0020;
export const ATTENTION_ASYNC = 0x0040;
/** The target domain of each message has to be checked (AD-28). */
export const ATTENTION_DOMAIN = 0x0080;
export const ATTENTION_SERVICE = 0x0100;
export const ATTENTION_FAULT = 0x0200;
export const ATTENTION_SHARED = 0x0400;
export const ATTENTION_BINDING = 0x0800;
/** The queue is bound to vfio_ap and stands behind a virtual queue. */
export const ATTENTION_POOL = 0x1000;
export const ATTENTION_OPEN = 0x2000;
/** Conditions that end by themselves at a due time. */
export const ATTENTION_TIMED =
  ATTENTION_RESET | ATTENTION_AQIC | ATTENTION_SERVICE | ATTENTION_BINDING;

/** Cold part of a queue, 128 bytes: what the fast paths do not need. Times are doubles at even words. */
export const COLD_WORDS = 32;
export const K_RESET_DUE = 0;
export const K_AQIC_DUE = 2;
export const K_BIND_DUE = 4;
export const K_APQN = 6;
/** What the end of the running reset does to the binding: AFTER_RESET_*. */
export const K_AFTER_RESET = 7;
/** What the running AQIC changes to: 1 = interruptions enabled, 0 = disabled. */
export const K_AQIC_ENABLE = 8;
/** Response code of an asynchronous error, which stays until the queue is reset. */
export const K_ASYNC_RC = 9;
/** Binding to a secure-execution guest: BIND_*. */
export const K_BIND = 10;
export const K_SECRET = 11;
/** Offset of the notification byte in the image; 0 = none; -1 = it is behind the external accessor, at the address in K_SAVED_NIB. */
export const K_NIB_BYTE = 12;
/** Offset of the GISA in the image; 0 = none, the interruption is for the host. */
export const K_GISA_BYTE = 13;
/** Sub-class to make pending: the GISC with a GISA, else the ISC. */
export const K_ISC = 14;
/** Number of bytes of the first reply that have been delivered (AD-10); 0 = none. */
export const K_DELIVERED = 15;
export const K_PART = 16;
/** Number of the slot that collects parts of a message (AD-19), plus 1; 0 = none. */
export const K_OPEN_SLOT = 17;
/** Slots whose reply is ready at a due time; slot n is bit n from the left. */
export const K_SERVICE = 18;
/** Mode of the adapter: MODE_* of native-like/arch/adapter-types.ts. */
export const K_MODE = 19;
/** Value of K_REQUESTS when the running AQIC was accepted. Of two things due at the same time, the one accepted first happens first. */
export const K_AQIC_AFTER = 20;
/** For vfio_ap: notification address as the guest gave it (saved_iova); guest's number << 8, plus its sub-class plus 1. 0 = none. */
export const K_SAVED_NIB = 21;
export const K_SAVED_ISC = 22;
/** Number of the mdev the queue is linked to; 0 = none. */
export const K_MDEV = 23;
/** Number of requests accepted since the machine started. */
export const K_REQUESTS = 24;
/** Word index of the record of the guest that gets the notification; 0 = the host. */
export const K_NOTIFY_GUEST = 25;
/** Word index of the record of the guest whose secret K_SECRET is. */
export const K_SECRET_GUEST = 26;
/** Number of the guest that has the queue in its effective masks while vCPUs run on several threads; 0 = the host. */
export const K_OWNER = 27;
/** Number of the running association. Of several that end at the same time, the one with the lowest number is first. */
export const K_BIND_SEQUENCE = 28;
/** Bit 31: the host is resetting the queue. Bits 0-23: thread that waits in AQIC, plus 1. 0: an AQIC is accepted. */
export const K_HOST_RESET = 29;
/** Slots whose finished reply a reorder fault holds back; slot n is bit n from the left. */
export const K_HELD = 30;
/** Number of messages of virtual queues that the queue has accepted. */
export const K_SHARED = 31;

export const AFTER_RESET_KEEP = 0;
export const AFTER_RESET_UNBIND = 1;
export const AFTER_RESET_DISSOCIATE = 2;

export const BIND_UNBOUND = 0;
export const BIND_BOUND = 1;
export const BIND_ASSOCIATED = 2;

/** Message slot: a header of 64 bytes, then the message. */
export const SLOT_HEADER_BYTES = 64;
export const L_PSMID_HIGH = 0;
export const L_PSMID_LOW = 1;
/** Length in bytes of the request, or of the reply once that is there. */
export const L_LENGTH = 2;
/** What faults and the sender have decided about the message: SLOT_*. */
export const L_FLAGS = 3;
/** Time at which the reply is available, in nanoseconds, a double. */
export const L_DUE = 4;
/** Time at which the request was accepted, in nanoseconds, a double. */
export const L_ACCEPTED = 6;
/** Delay that a fault adds, in nanoseconds, a double. */
export const L_DELAY = 8;
/** Number of the message on its queue: the order of acceptance. */
export const L_SEQUENCE = 10;
/** With SLOT_REORDER: how many later replies overtake this one. */
export const L_PLACES = 11;
/** With SLOT_REPLY: the three words of the injected reply. */
export const L_REPLY = 12;
/** Word index of the sender's effective masks, which tell the domains it may use and control. */
export const L_SENDER = 15;

export const SLOT_SPECIAL = 1;
export const SLOT_DROP = 2;
export const SLOT_REORDER = 4;
export const SLOT_REPLY = 8;
/** The reply comes twice if a slot is free for the second. */
export const SLOT_DUPLICATE = 16;
/** The reply comes without notification. */
export const SLOT_SILENT = 32;

// ---- adapter ------------------------------------------------------------------------------------------------------------
/** Adapter record, 384 bytes, one for each APID: how long requests take. */
export const ADAPTERS = 256;
export const ADAPTER_WORDS = 96;
/** Distribution of service times: SERVICE_*. */
export const A_MODEL = 0;
/** How many requests are worked on at the same time; 0 = any number. */
export const A_ENGINES = 1;
/** 1: replies come in the order in which the requests were accepted. */
export const A_FIFO = 2;
/** State of the adapter's random generator. */
export const A_RANDOM = 3;
/** Number of the thread that holds the adapter's lock, plus 1; 0 = none. */
export const A_LOCK = 4;
/** Number of requests served. */
export const A_SERVED = 5;
/** Doubles: service time (or its median) in nanoseconds, shape of the distribution, latest due time, nanoseconds its engines were busy. */
export const A_TIME = 6;
export const A_SIGMA = 8;
export const A_LAST_DUE = 10;
export const A_BUSY = 12;
/** Time at which each engine is free again, doubles. */
export const A_FREE_AT = 14;
export const ENGINES_MAX = 40;
/** Total time that requests have waited for an engine, in nanoseconds, a double. */
export const A_WAITED = 94;

export const SERVICE_INSTANT = 0;
export const SERVICE_FIXED = 1;
export const SERVICE_LOGNORMAL = 2;
export const SERVICE_RATED = 3;

// ---- GISA and faults ----------------------------------------------------------------------------------------------------
/** Bytes from one GISA to the next, a cache line each: guest number g of the image has its GISA at C_GISA_BYTE + 64 g. */
export const GISA_STRIDE_BYTE = 64;
/** Address at which KVM would have put a guest's GISA in host storage: at offset 0x900 of its sie_page2, one page for each guest. */
export const GISA_ADDRESS_BASE = 0x1f000900;
export const GISA_ADDRESS_STRIDE = 0x1000;

/** Fault record, 64 bytes. */
export const FAULT_WORDS = 16;
export const FAULTS_MAX = 255;
export const F_ACTIVE = 0;
/** What the fault concerns: SCOPE_*. */
export const F_SCOPE = 1;
/** Any guest and queue; a guest (F_ID is the word index of its record); a queue (F_ID is its APQN). */
export const SCOPE_ANY = 0;
export const SCOPE_GUEST = 1;
export const SCOPE_APQN = 2;
export const F_ID = 2;
/** The instructions concerned: bit 1 << FUNCTION_* for each. */
export const F_FUNCTIONS = 3;
/** What the fault does: FAULT_*. */
export const F_ACTION = 4;
/** Response code, condition code, places a reply moves back, bytes between boundaries, or the first of a reply's three words. */
export const F_VALUE = 5;
/** How often the fault still strikes. A negative number means without limit: -1 less the number of times it has struck. */
export const F_COUNT = 6;
/** Probability that the fault strikes, as a fraction of 2^32; 0 = always. */
export const F_CHANCE = 7;
export const F_RANDOM = 8;
/** For FAULT_REPLY: the function that a request must ask for, as a word of src/cex/request-function.ts; 0 = any. */
export const F_REQUEST = 9;
/** Time from which the fault can strike, in nanoseconds, a double. */
export const F_AT = 10;
/** Delay in nanoseconds, a double. */
export const F_DELAY = 12;
/** For FAULT_REPLY: the other two words of the reply (src/cex/inject-words.ts). */
export const F_REPLY = 14;

export const FAULT_RC = 0;
export const FAULT_CC = 1;
export const FAULT_DROP = 2;
export const FAULT_DELAY = 3;
export const FAULT_REORDER = 4;
/** The adapter answers something other than what the request asks for. */
export const FAULT_REPLY = 5;
/** The instruction ends with condition code 2 at boundaries of the operand. */
export const FAULT_BOUNDARY = 6;
