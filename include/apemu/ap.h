/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver for AP queues in C, run by apemu as the code of a guest: the AP instructions under the names kernel developers know, and what a
 * driver needs besides - time, timers, interruptions, memory, a log. Compile with `apemu cc`; docs/c-drivers.md explains.
 *
 * The driver's memory is the guest's absolute storage: a pointer is an address, operands and notification bytes are ordinary variables.
 * The machine is big-endian, this compiler is not: what the architecture defines in storage has a type of its own (be16, be32, be64) that
 * does not mix with numbers. Values of registers (status, TAPQ information, control words) are plain numbers and bit fields.
 *
 * `unsigned long` has 32 bits here and 64 on s390x: use u64 for what must hold 64.
 */
#ifndef APEMU_AP_H
#define APEMU_AP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

/* Big-endian storage. A structure, so that an assignment to or from a number does not compile. */
typedef struct { u16 raw; } be16;
typedef struct { u32 raw; } be32;
typedef struct { u64 raw; } be64;

static inline u16 be16_to_cpu(be16 value) { return __builtin_bswap16(value.raw); }
static inline u32 be32_to_cpu(be32 value) { return __builtin_bswap32(value.raw); }
static inline u64 be64_to_cpu(be64 value) { return __builtin_bswap64(value.raw); }
static inline be16 cpu_to_be16(u16 value) { return (be16){ __builtin_bswap16(value) }; }
static inline be32 cpu_to_be32(u32 value) { return (be32){ __builtin_bswap32(value) }; }
static inline be64 cpu_to_be64(u64 value) { return (be64){ __builtin_bswap64(value) }; }

/* ---- Queues and their status ------------------------------------------------------------------------------------------------------- */

/* APQN: adapter in the high byte, domain in the low one. */
typedef unsigned int ap_qid_t;
#define AP_MKQID(card, queue) ((((card) & 0xffu) << 8) | ((queue) & 0xffu))
#define AP_QID_CARD(qid) (((qid) >> 8) & 0xffu)
#define AP_QID_QUEUE(qid) ((qid) & 0xffu)

/* Bits 32 to 63 of GR1: the first field of the architecture is the last one here. */
struct ap_queue_status {
	unsigned int _pad2 : 16;
	unsigned int response_code : 8;
	unsigned int irq_enabled : 1;
	unsigned int async : 1;
	unsigned int _pad1 : 3;
	unsigned int queue_full : 1;
	unsigned int replies_waiting : 1;
	unsigned int queue_empty : 1;
};

union ap_queue_status_reg {
	u32 value;
	struct ap_queue_status status;
};

enum {
	AP_RESPONSE_NORMAL = 0x00,
	AP_RESPONSE_Q_NOT_AVAIL = 0x01,
	AP_RESPONSE_RESET_IN_PROGRESS = 0x02,
	AP_RESPONSE_DECONFIGURED = 0x03,
	AP_RESPONSE_CHECKSTOPPED = 0x04,
	AP_RESPONSE_BUSY = 0x05,
	AP_RESPONSE_INVALID_ADDRESS = 0x06,
	AP_RESPONSE_OTHERWISE_CHANGED = 0x07,
	AP_RESPONSE_INVALID_GISA = 0x08,
	AP_RESPONSE_Q_BOUND_TO_ANOTHER = 0x09,
	AP_RESPONSE_STATE_CHANGE_IN_PROGRESS = 0x0a,
	AP_RESPONSE_Q_NOT_BOUND = 0x0b,
	/* NQAP: the queue is full. DQAP: no reply is waiting. */
	AP_RESPONSE_Q_FULL = 0x10,
	AP_RESPONSE_NO_PENDING_REPLY = 0x10,
	AP_RESPONSE_INDEX_TOO_BIG = 0x11,
	AP_RESPONSE_NO_FIRST_PART = 0x13,
	AP_RESPONSE_MESSAGE_TOO_BIG = 0x15,
	AP_RESPONSE_REQ_FAC_NOT_INST = 0x16,
	AP_RESPONSE_Q_BIND_ERROR = 0x30,
	AP_RESPONSE_Q_NOT_AVAIL_FOR_ASSOC = 0x31,
	AP_RESPONSE_Q_NOT_EMPTY = 0x32,
	AP_RESPONSE_BIND_LIMIT_EXCEEDED = 0x33,
	AP_RESPONSE_INVALID_ASSOC_SECRET = 0x34,
	AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE = 0x35,
	AP_RESPONSE_ASSOC_FAILED = 0x36,
	AP_RESPONSE_INVALID_DOMAIN = 0x42,
	/* Not of the machine. The reply is larger than the buffer and still on the queue; the instruction ended in a program interruption. */
	AP_RESPONSE_REPLY_LARGER = 0xff,
	AP_RESPONSE_PROGRAM_INTERRUPTION = 0xfe,
};

/* GR2 after TAPQ. */
struct ap_tapq_hwinfo {
	union {
		u64 value;
		struct {
			/* low word: qd is the depth minus 1, ml the message limit in pages (0: 3) */
			unsigned int qd : 4;
			unsigned int _pad4 : 4;
			unsigned int ml : 4;
			unsigned int _pad3 : 4;
			unsigned int nd : 8;
			unsigned int at : 8;
			/* high word: facilities */
			unsigned int _pad2 : 14;
			unsigned int bs : 2;
			unsigned int class : 8;
			unsigned int slcf : 1;
			unsigned int apxa : 1;
			unsigned int ep11 : 1;
			unsigned int accel : 1;
			unsigned int cca : 1;
			unsigned int crt4k : 1;
			unsigned int mex4k : 1;
			unsigned int apsc : 1;
		};
		struct {
			u32 apinfo;
			u32 fac;
		};
	};
};

/* Control word of AQIC. */
union ap_qirq_ctrl {
	u64 value;
	struct {
		unsigned int isc : 3;
		unsigned int _pad4 : 1;
		unsigned int gisa : 27;
		unsigned int _pad3 : 1;
		unsigned int gf : 2;
		unsigned int _pad2 : 6;
		unsigned int gisc : 3;
		unsigned int _pad1 : 4;
		unsigned int ir : 1;
		unsigned int zone : 8;
		unsigned int _pad0 : 8;
	};
};

/* Information word of QACT, in and out. */
union ap_qact_ap_info {
	u64 value;
	struct {
		unsigned int ver : 16;
		unsigned int _pad2 : 8;
		unsigned int cat : 8;
		unsigned int _pad1 : 26;
		unsigned int mode : 3;
		unsigned int _pad0 : 3;
	};
};

/* What QCI stores: 128 bytes, as the architecture has them. */
struct ap_config_info {
	be32 flags;
	u8 na; /* largest adapter number */
	u8 nd; /* largest domain number */
	u8 _reserved0[10];
	be32 apm[8];
	be32 aqm[8];
	be32 adm[8];
	u8 _reserved1[16];
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct ap_config_info) == 128, "QCI block");

#define AP_QCI_APSC 0x80000000u
#define AP_QCI_APXA 0x40000000u
#define AP_QCI_QACT 0x20000000u
#define AP_QCI_RC8A 0x10000000u
#define AP_QCI_APSB 0x00800000u

/* Bit `nr` of a mask of adapters or domains; bit 0 is the leftmost one. */
static inline bool ap_test_config(const be32 *mask, unsigned int nr)
{
	return nr < 256 && (be32_to_cpu(mask[nr >> 5]) & (0x80000000u >> (nr & 31))) != 0;
}

/* ---- Instructions ------------------------------------------------------------------------------------------------------------------ */

struct ap_queue_status ap_tapq(ap_qid_t qid, struct ap_tapq_hwinfo *info);
/* TAPQ with the T bit or without. */
struct ap_queue_status ap_test_queue(ap_qid_t qid, int tbit, struct ap_tapq_hwinfo *info);
struct ap_queue_status ap_rapq(ap_qid_t qid, int fbit);
struct ap_queue_status ap_zapq(ap_qid_t qid, int fbit);
/* `indicator`: the notification byte; NULL to disable. */
struct ap_queue_status ap_aqic(ap_qid_t qid, union ap_qirq_ctrl control, void *indicator);
/* 0, or -EOPNOTSUPP where the machine has no QCI. */
int ap_qci(struct ap_config_info *config);
struct ap_queue_status ap_qact(ap_qid_t qid, int ifbit, union ap_qact_ap_info *apinfo);
struct ap_queue_status ap_bapq(ap_qid_t qid);
struct ap_queue_status ap_aapq(ap_qid_t qid, unsigned int sec_idx);

/* A special command: added to the qid of ap_nqap. */
#define AP_QID_SPECIAL 0x00400000u

/* Puts one whole message onto a queue; goes on by itself when the machine was interrupted (condition code 2). */
struct ap_queue_status ap_nqap(ap_qid_t qid, u64 psmid, const void *message, size_t length);
/*
 * Takes one reply into `msglen` bytes; goes on by itself while there is room. `length` (may be NULL): bytes stored by this call.
 * `reslength`: bytes of the reply that are still on the queue. A reply larger than the buffer ends with AP_RESPONSE_REPLY_LARGER and a
 * token in `resgr0` (never 0); given back in it, the next call gets what is left. `resgr0` NULL or 0: a new reply.
 */
struct ap_queue_status ap_dqap(ap_qid_t qid, u64 *psmid, void *message, size_t msglen, size_t *length,
			       size_t *reslength, u64 *resgr0);

/* One instruction with the registers as they are. NQAP and DQAP use the pairs GR4 (PSMID) and GR6 (address and length). */
struct ap_registers {
	u64 gr[8];
	/* Program-interruption code of an instruction that did not complete. */
	u32 program_interruption;
	u32 _pad;
};
/* Condition code 0 to 3, or -1 after a program interruption. */
int ap_raw_pqap(struct ap_registers *registers);
int ap_raw_nqap(struct ap_registers *registers);
int ap_raw_dqap(struct ap_registers *registers);

/* Whether the machine has a facility (12 QCI, 15 AP facilities test, 65 AP interruptions). */
bool ap_facility(unsigned int bit);
#define AP_FACILITY_QCI 12
#define AP_FACILITY_APFT 15
#define AP_FACILITY_AQIC 65

/* ---- Time, timers, log ------------------------------------------------------------------------------------------------------------- */

#define AP_USEC 1000ull
#define AP_MSEC 1000000ull
#define AP_SEC 1000000000ull

/* Nanoseconds; virtual where the machine's time is. It stands still while the driver runs. */
u64 ap_time_ns(void);

struct ap_timer {
	u64 expires;
	void (*function)(struct ap_timer *timer);
	struct ap_timer *next;
	bool armed;
};
/* Runs `timer->function` once, `delay_ns` from now (0: as soon as everything else that is due has run). Moves a timer that is armed. */
void ap_timer_start(struct ap_timer *timer, u64 delay_ns);
/* Whether it was armed. */
bool ap_timer_cancel(struct ap_timer *timer);

/*
 * For ap_driver_work: when it wants to run again. Both return at once; the wait begins when it returns. An interruption ends it too.
 * Without one of them it runs again at the next interruption, timer, request or scan.
 */
void ap_wait_until(u64 ns);
void ap_wait_io(void);

/* What it takes: %d %i %u %x %X %c %s %p with l, ll, z, a width and a 0; %%. */
void ap_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the run as a finding, with its words, file and line. */
_Noreturn void ap_panic(const char *words);
#define AP_STRING_(x) #x
#define AP_STRING(x) AP_STRING_(x)
#define AP_BUG_ON(condition)                                                             \
	do {                                                                             \
		if (__builtin_expect(!!(condition), 0))                                  \
			ap_panic("BUG_ON(" #condition ")");                              \
	} while (0)

/* ---- Memory ------------------------------------------------------------------------------------------------------------------------ */

/*
 * Zeroed memory with red zones around it, 8-byte aligned; NULL when there is none left. What is written beside it, into it after ap_free,
 * and what has not been freed when the driver has closed are findings.
 */
#define ap_alloc(size) ap_alloc_at(size, __FILE__ ":" AP_STRING(__LINE__))
void *ap_alloc_at(size_t size, const char *place);
#define ap_free(memory) ap_free_at(memory, __FILE__ ":" AP_STRING(__LINE__))
void ap_free_at(void *memory, const char *place);

void *memcpy(void *target, const void *source, size_t bytes);
void *memmove(void *target, const void *source, size_t bytes);
void *memset(void *target, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);

/* ---- The driver -------------------------------------------------------------------------------------------------------------------- */

/* What the driver's user wants. It is the driver's until it is ended with ap_complete or ap_fail, each exactly once. */
struct ap_request {
	u32 id;
	/* The queue it must go to, or AP_ANY_QUEUE. */
	ap_qid_t qid;
	void *message;
	u32 length;
	/* Bytes of the reply the user has room for. */
	u32 reply_max;
	/* The driver's own. */
	struct ap_request *next;
	void *private;
};
#define AP_ANY_QUEUE 0xffffffffu

/* The reply of the adapter. */
void ap_complete(struct ap_request *request, const void *reply, size_t length);
/* `error`: a negative errno. */
void ap_fail(struct ap_request *request, int error);

/* Every driver has these. They run one at a time, and what they leave undone waits for a timer or an interruption. */
void ap_driver_start(void);
void ap_driver_submit(struct ap_request *request);
/* The user is done: what is outstanding ends, what is held is given back. */
void ap_driver_close(void);

/* Some have these. */
void ap_driver_interrupt(unsigned int isc); /* an adapter interruption was taken */
void ap_driver_scan(void);                  /* the AP configuration may have changed */
void ap_driver_work(void);                  /* after all of these, in each step: for drivers that are one loop */
bool ap_driver_gone(ap_qid_t qid);          /* the driver has given the queue up for good */
enum ap_belief { AP_READY, AP_FULL, AP_RESET, AP_GONE };
enum ap_belief ap_driver_believes(ap_qid_t qid);

/* errno values, as Linux numbers them. */
enum {
	EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, EAGAIN = 11, ENOMEM = 12, EFAULT = 14, EBUSY = 16, ENODEV = 19, EINVAL = 22,
	ENOSPC = 28, EPIPE = 32, EMSGSIZE = 90, EOPNOTSUPP = 95, ETIMEDOUT = 110, ECANCELED = 125,
};

#endif
