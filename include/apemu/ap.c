/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of ap.h: instructions, timers, memory with red zones, requests, and the functions apemu calls. `apemu cc` compiles it with
 * every driver, without counting its branches.
 */
#include "ap.h"

#define IMPORT(name) __attribute__((import_module("apemu"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(execute) int host_execute(u32 instruction, struct ap_registers *registers);
IMPORT(facility) int host_facility(u32 bit);
IMPORT(now) double host_now(void);
IMPORT(interruption) u32 host_interruption(void);
IMPORT(log) void host_log(const char *text, size_t length);
IMPORT(ended) void host_ended(u32 id, const void *reply, size_t length, int error);
/* Neither returns. */
IMPORT(panic) void host_panic(const char *words, size_t length, const char *place, size_t place_length);
IMPORT(exhausted) void host_exhausted(u32 reason);

/* What apemu reads and writes directly. */
struct shared {
	/* Branches the driver may still take in this step. */
	u32 fuel;
	/* End of the memory ap_alloc has ever handed out. */
	u32 heap_end;
	/* Memory handed out and not freed; requests not ended; timers armed. */
	u32 allocations;
	u32 requests;
	u32 timers;
};
__attribute__((used, visibility("default"))) struct shared apemu_shared;

static _Noreturn void die(const char *words, const char *place)
{
	host_panic(words, strlen(words), place, place == NULL ? 0 : strlen(place));
	__builtin_trap();
}

void ap_panic(const char *words)
{
	die(words, NULL);
}

/* ---- Counting branches ------------------------------------------------------------------------------------------------------------- */

enum { NO_FUEL = 1, NO_STACK = 2 };
/* Below lies the guest's lowcore. */
#define STACK_END 0x2000u

__asm__(".globaltype __stack_pointer, i32\n");

static inline u32 stack_pointer(void)
{
	u32 value;
	__asm__ volatile("global.get __stack_pointer\n\tlocal.set %0" : "=r"(value));
	return value;
}

void __sanitizer_cov_trace_pc_guard(u32 *guard);
void __sanitizer_cov_trace_pc_guard_init(u32 *start, u32 *stop);

/* The word that names a branch is its counter. */
void __sanitizer_cov_trace_pc_guard(u32 *guard)
{
	++*guard;
	if (--apemu_shared.fuel == 0)
		host_exhausted(NO_FUEL);
	if (stack_pointer() < STACK_END)
		host_exhausted(NO_STACK);
}

void __sanitizer_cov_trace_pc_guard_init(u32 *start, u32 *stop)
{
	(void)start;
	(void)stop;
}

/* ---- Instructions ------------------------------------------------------------------------------------------------------------------ */

#define PQAP 0xb2af0000u
#define NQAP 0xb2ad0046u
#define DQAP 0xb2ae0046u

#define GR0_TBIT 0x00800000u
#define GR0_FBIT 0x00400000u
#define GR0_NQAP_LAST 0x40000000u
#define GR0_DQAP_START 0x80000000u

int ap_raw_pqap(struct ap_registers *registers) { return host_execute(PQAP, registers); }
int ap_raw_nqap(struct ap_registers *registers) { return host_execute(NQAP, registers); }
int ap_raw_dqap(struct ap_registers *registers) { return host_execute(DQAP, registers); }

static struct ap_queue_status status_of(int ended, const struct ap_registers *registers)
{
	if (ended < 0)
		return (struct ap_queue_status){ .response_code = AP_RESPONSE_PROGRAM_INTERRUPTION };
	return (union ap_queue_status_reg){ (u32)registers->gr[1] }.status;
}

static struct ap_queue_status pqap(struct ap_registers *registers)
{
	return status_of(ap_raw_pqap(registers), registers);
}

static u64 function(unsigned int code, ap_qid_t qid)
{
	return (code << 24) | (qid & 0xffffu);
}

struct ap_queue_status ap_tapq(ap_qid_t qid, struct ap_tapq_hwinfo *info)
{
	return ap_test_queue(qid, 0, info);
}

struct ap_queue_status ap_test_queue(ap_qid_t qid, int tbit, struct ap_tapq_hwinfo *info)
{
	struct ap_registers registers = { .gr = { function(0, qid) | (tbit ? GR0_TBIT : 0) } };
	struct ap_queue_status status = pqap(&registers);

	if (info != NULL)
		info->value = registers.gr[2];
	return status;
}

struct ap_queue_status ap_rapq(ap_qid_t qid, int fbit)
{
	struct ap_registers registers = { .gr = { function(1, qid) | (fbit ? GR0_FBIT : 0) } };

	return pqap(&registers);
}

struct ap_queue_status ap_zapq(ap_qid_t qid, int fbit)
{
	struct ap_registers registers = { .gr = { function(2, qid) | (fbit ? GR0_FBIT : 0) } };

	return pqap(&registers);
}

struct ap_queue_status ap_aqic(ap_qid_t qid, union ap_qirq_ctrl control, void *indicator)
{
	struct ap_registers registers = { .gr = { function(3, qid), control.value, (uintptr_t)indicator } };

	return pqap(&registers);
}

int ap_qci(struct ap_config_info *config)
{
	struct ap_registers registers = { .gr = { function(4, 0), 0, (uintptr_t)config } };

	if (!ap_facility(AP_FACILITY_QCI))
		return -EOPNOTSUPP;
	return ap_raw_pqap(&registers) < 0 ? -EOPNOTSUPP : 0;
}

struct ap_queue_status ap_qact(ap_qid_t qid, int ifbit, union ap_qact_ap_info *apinfo)
{
	struct ap_registers registers = { .gr = { function(5, qid) | (ifbit ? GR0_FBIT : 0), apinfo->value } };
	struct ap_queue_status status = pqap(&registers);

	apinfo->value = registers.gr[2];
	return status;
}

struct ap_queue_status ap_bapq(ap_qid_t qid)
{
	struct ap_registers registers = { .gr = { function(7, qid) } };

	return pqap(&registers);
}

struct ap_queue_status ap_aapq(ap_qid_t qid, unsigned int sec_idx)
{
	struct ap_registers registers = { .gr = { function(8, qid), 0, sec_idx } };

	return pqap(&registers);
}

struct ap_queue_status ap_nqap(ap_qid_t qid, u64 psmid, const void *message, size_t length)
{
	struct ap_registers registers = { .gr = { qid | GR0_NQAP_LAST, 0, 0, 0, psmid >> 32, (u32)psmid,
						  (uintptr_t)message, length } };
	int cc;

	do {
		cc = ap_raw_nqap(&registers);
	} while (cc == 2);
	return status_of(cc, &registers);
}

struct ap_queue_status ap_dqap(ap_qid_t qid, u64 *psmid, void *message, size_t msglen, size_t *length,
			       size_t *reslength, u64 *resgr0)
{
	u64 token = resgr0 == NULL ? 0 : *resgr0;
	struct ap_registers registers = { .gr = { token != 0 ? token : qid | GR0_DQAP_START, 0, 0, 0, 0, 0,
						  (uintptr_t)message, msglen } };
	struct ap_queue_status status;
	bool partial;
	int cc;

	do {
		cc = ap_raw_dqap(&registers);
		partial = cc == 1 || cc == 2;
	} while (partial && registers.gr[7] != 0);
	status = status_of(cc, &registers);
	if (partial)
		status.response_code = AP_RESPONSE_REPLY_LARGER;
	/* A machine may have the made-up code as one of its own: then there is no token. */
	if (resgr0 != NULL)
		*resgr0 = partial ? registers.gr[0] : 0;
	if (length != NULL)
		*length = msglen - (size_t)registers.gr[7];
	if (reslength != NULL)
		*reslength = (size_t)registers.gr[2];
	*psmid = (registers.gr[4] << 32) | (u32)registers.gr[5];
	return status;
}

bool ap_facility(unsigned int bit)
{
	return host_facility(bit) != 0;
}

/* ---- Time and timers --------------------------------------------------------------------------------------------------------------- */

/* Armed timers in the order in which they expire. */
static struct ap_timer *timers;

u64 ap_time_ns(void)
{
	return (u64)host_now();
}

bool ap_timer_cancel(struct ap_timer *timer)
{
	struct ap_timer **link = &timers;

	if (!timer->armed)
		return false;
	while (*link != NULL && *link != timer)
		link = &(*link)->next;
	if (*link == NULL)
		die("a timer that is armed is not among the armed ones: its memory was overwritten or copied", NULL);
	*link = timer->next;
	timer->armed = false;
	apemu_shared.timers--;
	return true;
}

void ap_timer_start(struct ap_timer *timer, u64 delay_ns)
{
	struct ap_timer **link = &timers;

	ap_timer_cancel(timer);
	timer->expires = ap_time_ns() + delay_ns;
	while (*link != NULL && (*link)->expires <= timer->expires)
		link = &(*link)->next;
	timer->next = *link;
	*link = timer;
	timer->armed = true;
	apemu_shared.timers++;
}

/* Runs what is due; a timer started meanwhile waits for the next step. */
static void run_timers(void)
{
	u64 now = ap_time_ns();
	unsigned int due = 0;

	for (struct ap_timer *timer = timers; timer != NULL && timer->expires <= now; timer = timer->next)
		due++;
	while (due-- > 0 && timers != NULL && timers->expires <= now) {
		struct ap_timer *timer = timers;

		ap_timer_cancel(timer);
		timer->function(timer);
	}
}

#define NEVER (~0ull)

/* When ap_driver_work wants to run again. */
static u64 work_ns = NEVER;

void ap_wait_until(u64 ns)
{
	work_ns = ns;
}

void ap_wait_io(void)
{
	work_ns = NEVER;
}

/* ---- Log --------------------------------------------------------------------------------------------------------------------------- */

#define LINE_BYTES 200

struct line {
	char text[LINE_BYTES];
	size_t length;
};

static void put(struct line *line, char character)
{
	if (line->length < LINE_BYTES)
		line->text[line->length++] = character;
}

static void put_number(struct line *line, u64 value, unsigned int base, const char *digits, unsigned int width, char pad)
{
	char reversed[20];
	unsigned int count = 0;

	do {
		reversed[count++] = digits[value % base];
		value /= base;
	} while (value != 0);
	for (; width > count; width--)
		put(line, pad);
	while (count > 0)
		put(line, reversed[--count]);
}

static void put_signed(struct line *line, s64 value, unsigned int width, char pad)
{
	if (value < 0)
		put(line, '-');
	put_number(line, value < 0 ? 0 - (u64)value : (u64)value, 10, "0123456789", width, pad);
}

static void put_text(struct line *line, const char *text)
{
	while (*text != '\0')
		put(line, *text++);
}

void ap_log(const char *format, ...)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	struct line line = { .length = 0 };
	__builtin_va_list list;

	__builtin_va_start(list, format);
	for (const char *at = format; *at != '\0'; at++) {
		unsigned int width = 0, longs = 0;
		char pad = ' ';

		if (*at != '%') {
			put(&line, *at);
			continue;
		}
		at++;
		if (*at == '0')
			pad = '0';
		for (; *at >= '0' && *at <= '9'; at++)
			width = width * 10 + (unsigned int)(*at - '0');
		for (; *at == 'l' || *at == 'z'; at++)
			longs += *at == 'l';
		if (*at == '\0')
			break;
		u64 value = 0;
		if (*at == 'd' || *at == 'i') {
			s64 number = longs > 1 ? __builtin_va_arg(list, s64) : __builtin_va_arg(list, s32);
			put_signed(&line, number, width, pad);
			continue;
		}
		if (*at == 's') {
			put_text(&line, __builtin_va_arg(list, const char *));
			continue;
		}
		if (*at == '%') {
			put(&line, '%');
			continue;
		}
		value = longs > 1 ? __builtin_va_arg(list, u64) : __builtin_va_arg(list, u32);
		if (*at == 'c')
			put(&line, (char)value);
		else if (*at == 'u')
			put_number(&line, value, 10, lower, width, pad);
		else
			put_number(&line, value, 16, *at == 'X' ? upper : lower, width, pad);
	}
	__builtin_va_end(list);
	while (line.length > 0 && line.text[line.length - 1] == '\n')
		line.length--;
	host_log(line.text, line.length);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------------------------ */

#define ZONE_BYTES 16
#define ZONE_BYTE 0xfa
#define FREED_BYTE 0xdd
/* Freed memory is not handed out again before so much has been freed after it. */
#define QUARANTINE_BYTES 0x4000

enum { BLOCK_USED = 0x75736564, BLOCK_FREED = 0x66726565 };

/* Before each piece of memory; a red zone lies on both sides of the memory. Blocks are in a list, the oldest first. */
struct block {
	u32 state;
	u32 size;
	u32 room;
	const char *place;
	struct block *next;
	u32 _pad;
	u8 zone[ZONE_BYTES];
};

extern u8 __heap_base;
static u8 *heap_top;
static struct block *used, *used_last;
static struct block *freed, *freed_last;
static u32 freed_bytes;

static u8 *memory_of(struct block *block)
{
	return (u8 *)(block + 1);
}

static void append(struct block **first, struct block **last, struct block *block)
{
	block->next = NULL;
	if (*first == NULL)
		*first = block;
	else
		(*last)->next = block;
	*last = block;
}

static void take_out(struct block **first, struct block **last, struct block *block)
{
	struct block *before = NULL;

	for (struct block *one = *first; one != block; one = one->next) {
		if (one == NULL)
			die("the list of memory was overwritten", NULL);
		before = one;
	}
	if (before == NULL)
		*first = block->next;
	else
		before->next = block->next;
	if (*last == block)
		*last = before;
}

/* Eight at a time: each case looks at everything that was freed. */
static bool all_bytes(const u8 *bytes, size_t count, u8 value)
{
	const u64 eight = value * 0x0101010101010101ull;
	size_t n = 0;

	for (; n + sizeof(eight) <= count; n += sizeof(eight)) {
		u64 word;

		__builtin_memcpy(&word, bytes + n, sizeof(word));
		if (word != eight)
			return false;
	}
	for (; n < count; n++)
		if (bytes[n] != value)
			return false;
	return true;
}

/* Neither side of the memory, nor the memory once it was freed, has been written. */
static void check(struct block *block)
{
	u8 *memory = memory_of(block);

	if (!all_bytes(block->zone, ZONE_BYTES, ZONE_BYTE))
		die("bytes before allocated memory were written", block->place);
	if (!all_bytes(memory + block->size, ZONE_BYTES, ZONE_BYTE))
		die("bytes behind allocated memory were written", block->place);
	if (block->state == BLOCK_FREED && !all_bytes(memory, block->size, FREED_BYTE))
		die("memory was written after it had been freed", block->place);
}

/* The oldest freed block with enough room, while the others stay in quarantine. */
static struct block *reuse(size_t size)
{
	if (freed_bytes <= QUARANTINE_BYTES)
		return NULL;
	for (struct block *block = freed; block != NULL; block = block->next) {
		if (block->room < size || block->room > 2 * size + 64)
			continue;
		check(block);
		take_out(&freed, &freed_last, block);
		freed_bytes -= block->room;
		return block;
	}
	return NULL;
}

static struct block *extend(size_t size)
{
	size_t room = (size + 7) & ~(size_t)7;
	size_t bytes = sizeof(struct block) + room + ZONE_BYTES;
	struct block *block;

	if (heap_top == NULL)
		heap_top = (u8 *)(((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15);
	if (room < size || bytes > __builtin_wasm_memory_size(0) * 65536 - (uintptr_t)heap_top)
		return NULL;
	block = (struct block *)heap_top;
	heap_top += bytes;
	apemu_shared.heap_end = (u32)(uintptr_t)heap_top;
	block->room = (u32)room;
	return block;
}

void *ap_alloc_at(size_t size, const char *place)
{
	struct block *block = reuse(size);

	if (block == NULL)
		block = extend(size);
	if (block == NULL)
		return NULL;
	block->state = BLOCK_USED;
	block->size = (u32)size;
	block->place = place;
	memset(block->zone, ZONE_BYTE, ZONE_BYTES);
	memset(memory_of(block), 0, size);
	memset(memory_of(block) + size, ZONE_BYTE, ZONE_BYTES);
	append(&used, &used_last, block);
	apemu_shared.allocations++;
	return memory_of(block);
}

void ap_free_at(void *memory, const char *place)
{
	struct block *block = (struct block *)memory - 1;

	if (memory == NULL)
		return;
	if (((uintptr_t)memory & 7) != 0 || (u8 *)memory <= &__heap_base || (u8 *)memory > heap_top)
		die("ap_free of what ap_alloc has not given", place);
	if (block->state == BLOCK_FREED)
		die("memory was freed twice", place);
	if (block->state != BLOCK_USED)
		die("ap_free of what ap_alloc has not given, or bytes before it were written", place);
	check(block);
	take_out(&used, &used_last, block);
	block->state = BLOCK_FREED;
	memset(memory, FREED_BYTE, block->size);
	append(&freed, &freed_last, block);
	freed_bytes += block->room;
	apemu_shared.allocations--;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------------------------- */

static void must_be_open(const struct ap_request *request)
{
	const struct block *block = (const struct block *)request - 1;

	if (request == NULL || ((uintptr_t)request & 7) != 0 || (const u8 *)request <= &__heap_base || (const u8 *)request > heap_top)
		die("a request was ended that is none", NULL);
	if (block->state == BLOCK_FREED)
		die("a request was ended that had ended before", NULL);
}

static void end_request(struct ap_request *request)
{
	ap_free_at(request->message, NULL);
	ap_free_at(request, NULL);
	apemu_shared.requests--;
}

void ap_complete(struct ap_request *request, const void *reply, size_t length)
{
	must_be_open(request);
	host_ended(request->id, reply, length, 0);
	end_request(request);
}

void ap_fail(struct ap_request *request, int error)
{
	must_be_open(request);
	host_ended(request->id, NULL, 0, error);
	end_request(request);
}

/* ---- What a driver need not have --------------------------------------------------------------------------------------------------- */

__attribute__((weak)) void ap_driver_interrupt(unsigned int isc) { (void)isc; }
__attribute__((weak)) void ap_driver_scan(void) {}
__attribute__((weak)) void ap_driver_work(void) {}
__attribute__((weak)) bool ap_driver_gone(ap_qid_t qid) { (void)qid; return false; }
__attribute__((weak)) enum ap_belief ap_driver_believes(ap_qid_t qid) { (void)qid; return AP_READY; }

/* ---- What apemu calls -------------------------------------------------------------------------------------------------------------- */

#define WAIT_INTERRUPTION (-1.0)
#define CONTRACT_VERSION 1

EXPORT(apemu_version) u32 apemu_version(void) { return CONTRACT_VERSION; }
EXPORT(apemu_start) void apemu_start(void) { ap_driver_start(); }
EXPORT(apemu_close) void apemu_close(void) { ap_driver_close(); }
EXPORT(apemu_scan) void apemu_scan(void) { ap_driver_scan(); }
EXPORT(apemu_gone) u32 apemu_gone(u32 qid) { return ap_driver_gone(qid); }
EXPORT(apemu_believes) u32 apemu_believes(u32 qid) { return (u32)ap_driver_believes(qid); }

/* Room for a request and its message, whose bytes apemu writes before it submits it; NULL: there is none. */
EXPORT(apemu_request) struct ap_request *apemu_request(u32 id, u32 qid, u32 length, u32 reply_max)
{
	struct ap_request *request = ap_alloc_at(sizeof(*request), "a request");
	void *message = request == NULL ? NULL : ap_alloc_at(length, "the message of a request");

	if (message == NULL) {
		ap_free_at(request, NULL);
		return NULL;
	}
	*request = (struct ap_request){ id, qid, message, length, reply_max, NULL, NULL };
	apemu_shared.requests++;
	return request;
}

EXPORT(apemu_submit) void apemu_submit(struct ap_request *request) { ap_driver_submit(request); }

/* Interruptions, timers, work. When the driver wants to run again: a time, or WAIT_INTERRUPTION. */
EXPORT(apemu_step) double apemu_step(void)
{
	u32 word;

	while ((word = host_interruption()) != 0)
		ap_driver_interrupt((word >> 27) & 7);
	run_timers();
	work_ns = NEVER;
	ap_driver_work();
	if (timers != NULL && timers->expires < work_ns)
		return (double)timers->expires;
	return work_ns == NEVER ? WAIT_INTERRUPTION : (double)work_ns;
}

/* Whether all red zones and all freed memory are untouched; a finding if not. */
EXPORT(apemu_check) void apemu_check(void)
{
	for (struct block *block = used; block != NULL; block = block->next)
		check(block);
	for (struct block *block = freed; block != NULL; block = block->next)
		check(block);
}

/* Where the `n`-th piece of memory that is still held was allocated; NULL: there are fewer. */
EXPORT(apemu_held) const char *apemu_held(u32 n)
{
	struct block *block = used;

	while (block != NULL && n-- > 0)
		block = block->next;
	return block == NULL ? NULL : block->place;
}

/* ---- What the compiler expects ----------------------------------------------------------------------------------------------------- */

void *memcpy(void *target, const void *source, size_t bytes) { return __builtin_memcpy(target, source, bytes); }
void *memmove(void *target, const void *source, size_t bytes) { return __builtin_memmove(target, source, bytes); }
void *memset(void *target, int value, size_t bytes) { return __builtin_memset(target, value, bytes); }

int memcmp(const void *a, const void *b, size_t bytes)
{
	const u8 *left = a, *right = b;

	for (size_t n = 0; n < bytes; n++)
		if (left[n] != right[n])
			return left[n] - right[n];
	return 0;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}
