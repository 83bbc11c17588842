/* SPDX-License-Identifier: Apache-2.0 */
/* The program in a guest whose kernel is under test: executes system calls that it is told of, in processes of their own, and tells what came
 * of them. It knows nothing of cards. It is told by PQAP: in problem state with this GR0 the emulator takes it for a call to itself.
 *
 *   GR0 MAGIC + function, GR1 to GR3 arguments, result in GR2:
 *   WHICH  0, 0, 0                      low word: processes that have something to do; high word: those to be interrupted, a bit each;
 *                                       with the lowest bit of the high word they are killed instead
 *   NEXT   process, address, size       stores an order there; 0: there is none
 *   ENDED  process + 256 * call, result, address of the order
 *   GONE   process, 0, 0                it was killed, and has ended
 *
 * Process 0 reads the console, a byte a time something is new, and wakes the others, which may be stuck in the kernel for ever.
 * No library: a guest is taken back a thousand times a minute, and what is not there need not be put back. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define MAGIC 0x41504d5500000000ul
enum { WHICH = 1, NEXT, ENDED, GONE };
enum { PROCESSES = 16, BUFFER = 32768, CALLS = 128, FIXUPS = 64 };
enum { SYS_read = 3, SYS_write = 4, SYS_close = 6, SYS_kill = 37, SYS_pipe = 42, SYS_wait4 = 114, SYS_clone = 120, SYS_rt_sigaction = 174, SYS_openat = 288, SYS_exit = 1 };
enum { SIGKILL = 9, SIGUSR1 = 10, SIGCHLD = 17, EINTR = 4, WNOHANG = 1 };

/* pointers, descriptors: bits of arguments, the first is 1: offsets into the order; the file that was opened last. go_on: when it fails, too. */
struct call { u32 number; u8 pointers, descriptors, go_on, unused; u64 arguments[6]; };
/* fixups: offsets of doublewords that are offsets into the order, and become addresses. */
struct order { u32 calls, fixups; struct call call[CALLS]; u32 fixup[FIXUPS]; u8 data[]; };

static u8 buffer[BUFFER] __attribute__((aligned(4096)));
static int pipes[PROCESSES][2];
static long processes[PROCESSES];
/* A mistake on purpose, to see that it is found: an error is told as success. */
static int planted;

static u64 tell(u64 function, u64 a, u64 b, u64 c)
{
	register u64 r0 asm("0") = MAGIC | function;
	register u64 r1 asm("1") = a;
	register u64 r2 asm("2") = b;
	register u64 r3 asm("3") = c;
	asm volatile(".insn rre,0xb2af0000,0,0" : "+d"(r0), "+d"(r1), "+d"(r2), "+d"(r3) : : "cc", "memory");
	return r2;
}
static long call(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r1 asm("1") = number;
	register u64 r2 asm("2") = a;
	register u64 r3 asm("3") = b;
	register u64 r4 asm("4") = c;
	register u64 r5 asm("5") = d;
	register u64 r6 asm("6") = e;
	register u64 r7 asm("7") = f;
	asm volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7) : "cc", "memory");
	return r2;
}
#define CALL3(number, a, b, c) call(number, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)

static void nothing(int signal) { (void)signal; }

/* Returns the result; *at: the call that failed, or the last one. */
static long perform(struct order *o, u32 *at)
{
	long result = 0, file = -1;
	for (u32 n = 0; n < o->fixups && n < FIXUPS; n++)
		if (o->fixup[n] <= BUFFER - 8) *(u64 *)((u8 *)o + o->fixup[n]) += (u64)o;
	for (*at = 0; *at < o->calls && *at < CALLS; ++*at) {
		struct call *c = &o->call[*at];
		u64 a[6];
		for (int i = 0; i < 6; i++) {
			a[i] = c->arguments[i];
			if (c->pointers & 1 << i) a[i] += (u64)o;
			if (c->descriptors & 1 << i) a[i] = file;
		}
		if (c->number == SYS_openat && file >= 0) CALL3(SYS_close, file, 0, 0);
		result = call(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (c->number == SYS_openat) file = result;
		if (result < 0 && !c->go_on) break;
	}
	if (file >= 0) CALL3(SYS_close, file, 0, 0);
	return result;
}

static void work(u64 process)
{
	u8 byte;
	/* Pages of its own, which are there when an order is stored. */
	for (u64 i = 0; i < BUFFER; i += 4096) ((volatile u8 *)buffer)[i] = 1;
	for (;;) {
		while (CALL3(SYS_read, pipes[process][0], &byte, 1) == -EINTR) {}
		while (tell(NEXT, process, (u64)buffer, BUFFER)) {
			u32 at;
			long result = perform((struct order *)buffer, &at);
			if (planted && result < 0) result = 0;
			tell(ENDED, process + 256 * at, result, (u64)buffer);
		}
	}
}

/* Whoever is in the kernel for ever stays there. */
static void interrupt(u64 process, int signal)
{
	CALL3(SYS_kill, processes[process], signal, 0);
	if (signal == SIGKILL && call(SYS_wait4, processes[process], 0, WNOHANG, 0, 0, 0) == processes[process]) tell(GONE, process, 0, 0);
}

static void start(u64 process)
{
	CALL3(SYS_pipe, pipes[process], 0, 0);
	processes[process] = call(SYS_clone, 0, SIGCHLD, 0, 0, 0, 0);
	if (processes[process] == 0) work(process);
}

void run(u64 *stack)
{
	struct { void (*handler)(int); u64 flags; void (*restorer)(void); u64 mask; } action = { nothing, 0, 0, 0 };
	u8 line[64];
	planted = stack[0] > 1;
	call(SYS_rt_sigaction, SIGUSR1, (u64)&action, 0, 8, 0, 0);
	for (u64 p = 1; p < PROCESSES; p++) start(p);
	for (;;) {
		u64 which = tell(WHICH, 0, 0, 0);
		for (u64 p = 1; p < PROCESSES; p++) {
			if (which >> p & 1) CALL3(SYS_write, pipes[p][1], line, 1);
			if (which >> 32 >> p & 1) interrupt(p, which >> 32 & 1 ? SIGKILL : SIGUSR1);
		}
		if (CALL3(SYS_read, 0, line, sizeof line) == 0) CALL3(SYS_exit, 0, 0, 0);
	}
}

asm(".globl _start\n_start: lgr %r2,%r15\n aghi %r15,-160\n xc 0(8,%r15),0(%r15)\n brasl %r14,run\n");
