// SPDX-License-Identifier: Apache-2.0
// A small driver for AP queues: it finds its queues, resets them, enables interruptions (and polls where there are none), sends requests,
// matches replies by PSMID, and begins anew when a queue fails. Build it with  make  (docs/c-drivers.md).
//
// Each DEFECT_… is a mistake that real drivers have had; test/c-driver/defects.test.ts shows that `apemu fuzz` finds it.
#include <apemu/ap.h>
#include "reply.h"

// Pause before a queue is looked at again: twice as long each time nothing has changed.
#define POLL_NS AP_MSEC
#define POLL_MAX_NS (64 * AP_MSEC)
// With interruptions on: they may get lost.
#define LOOK_NS (250 * AP_MSEC)
#define RESET_NS (20 * AP_MSEC)
#define RESET_LIMIT_NS (30 * AP_SEC)
#define IRQ_LIMIT_NS AP_SEC
#define REPLY_LIMIT_NS (5 * AP_SEC)
#define SCAN_NS (10 * AP_SEC)
#define TRIES_MAX 5
#define FAILURES_MAX 8
// A reply is taken in parts of so many bytes.
#define PART_BYTES 4096
#define AP_ISC 6

enum queue_state { Q_RESET, Q_RESET_WAIT, Q_IRQ_WAIT, Q_READY, Q_GONE };

// What the driver knows of a request besides what it was given.
struct job {
	struct job *next;
	struct ap_request *request;
	u64 psmid;
	u64 sent_ns;
	int tries;
};

struct list {
	struct job *first;
	unsigned int count;
};

struct queue {
	struct queue *next;
	ap_qid_t qid;
	enum queue_state state;
	unsigned int depth;
	bool irq;
	bool full;
	u64 since_ns;
	u64 pause_ns;
#ifdef DEFECT_TOKEN
	u64 token;
#endif
	unsigned int failures;
	struct ap_timer timer;
	struct list waiting;
	struct list sent;
};

static struct queue *queues;
static struct ap_timer scan_timer;
static u8 notification;
static u8 *reply;
static u64 last_psmid;
static bool closed;

// ---- Lists of jobs -----------------------------------------------------------------------------------------------------------------

static void append(struct list *list, struct job *job)
{
	struct job **link = &list->first;

	while (*link != NULL)
		link = &(*link)->next;
	job->next = NULL;
	*link = job;
	list->count++;
}

static struct job *take(struct list *list, struct job *job)
{
	struct job **link = &list->first;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	list->count--;
	return job;
}

static struct job *find(const struct list *list, u64 psmid)
{
	struct job *job = list->first;

#ifndef DEFECT_ORDER
	while (job != NULL && job->psmid != psmid)
		job = job->next;
#endif
	return job;
}

// ---- How requests end --------------------------------------------------------------------------------------------------------------

static void fail(struct job *job, int error)
{
	ap_fail(job->request, error);
	ap_free(job);
}

static void fail_all(struct list *list, int error)
{
	while (list->first != NULL)
		fail(take(list, list->first), error);
}

// A reply for a job: good ones are handed on.
static void finish(struct job *job, size_t length)
{
	int error = reply_error(job->request->message, job->request->length, reply, length);

#ifdef DEFECT_COPY
	// As long as the request: surely enough.
	u8 *copy = ap_alloc(job->request->length);

	if (copy == NULL) {
		fail(job, -ENOMEM);
		return;
	}
	memcpy(copy, reply, length);
	ap_free(copy);
#endif
#ifdef DEFECT_LEAK
	u8 *kept = ap_alloc(64);

	if (error != 0) {
		fail(job, error);
		return;
	}
	ap_free(kept);
#endif
	if (error != 0) {
		fail(job, error);
		return;
	}
	ap_complete(job->request, reply, length);
	ap_free(job);
}

// What was on the queue is sent again, unless it has been too often.
static void send_again(struct queue *queue)
{
	while (queue->sent.first != NULL) {
#ifdef DEFECT_LOOP
		struct job *job = queue->sent.first;

		if (job->tries < TRIES_MAX)
			continue;
		take(&queue->sent, job);
#else
		struct job *job = take(&queue->sent, queue->sent.first);

		if (++job->tries < TRIES_MAX) {
			append(&queue->waiting, job);
			continue;
		}
#endif
		fail(job, -EIO);
	}
}

// ---- The state machine of a queue --------------------------------------------------------------------------------------------------

static void enter(struct queue *queue, enum queue_state state)
{
	queue->state = state;
	queue->pause_ns = POLL_NS;
	queue->since_ns = ap_time_ns();
}

static bool lasts(const struct queue *queue, u64 limit_ns)
{
	return ap_time_ns() - queue->since_ns >= limit_ns;
}

static void wait(struct queue *queue, u64 delay_ns)
{
	ap_timer_start(&queue->timer, delay_ns);
}

static void wait_longer(struct queue *queue)
{
	wait(queue, queue->pause_ns);
	if (queue->pause_ns < POLL_MAX_NS)
		queue->pause_ns *= 2;
}

// The queue is not there: what it had cannot be done. A scan looks for it.
static void lose(struct queue *queue)
{
	enter(queue, Q_GONE);
	ap_timer_cancel(&queue->timer);
	fail_all(&queue->sent, -ENODEV);
	fail_all(&queue->waiting, -ENODEV);
}

// An answer that is none of this state's.
static void recover(struct queue *queue, struct ap_queue_status status)
{
	switch (status.response_code) {
	case AP_RESPONSE_Q_NOT_AVAIL:
	case AP_RESPONSE_DECONFIGURED:
	case AP_RESPONSE_CHECKSTOPPED:
		lose(queue);
		return;
	default:
		ap_log("queue %02x.%04x: response code %02x", AP_QID_CARD(queue->qid), AP_QID_QUEUE(queue->qid),
		       status.response_code);
		send_again(queue);
		enter(queue, Q_RESET);
		// What goes wrong time after time is tried less often.
		wait(queue, RESET_NS << queue->failures);
		if (queue->failures < FAILURES_MAX)
			queue->failures++;
	}
}

static void run_reset(struct queue *queue)
{
	struct ap_queue_status status = ap_rapq(queue->qid, 0);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_RESET_IN_PROGRESS:
		send_again(queue);
		queue->irq = false;
		queue->full = false;
		enter(queue, Q_RESET_WAIT);
		wait(queue, RESET_NS);
		return;
	default:
		recover(queue, status);
	}
}

static void become_ready(struct queue *queue)
{
	enter(queue, Q_READY);
	wait(queue, 0);
}

static void enable_irq(struct queue *queue)
{
	union ap_qirq_ctrl control = { .value = 0 };
	struct ap_queue_status status;

	control.ir = 1;
	control.isc = AP_ISC;
	if (!ap_facility(AP_FACILITY_AQIC)) {
		become_ready(queue);
		return;
	}
	status = ap_aqic(queue->qid, control, &notification);
	if (status.response_code == AP_RESPONSE_NORMAL || status.response_code == AP_RESPONSE_OTHERWISE_CHANGED) {
		enter(queue, Q_IRQ_WAIT);
		wait_longer(queue);
		return;
	}
	// Without interruptions the queue is polled.
	become_ready(queue);
}

static void run_reset_wait(struct queue *queue)
{
	struct ap_queue_status status = ap_tapq(queue->qid, NULL);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		enable_irq(queue);
		return;
	case AP_RESPONSE_RESET_IN_PROGRESS:
	case AP_RESPONSE_BUSY:
		if (lasts(queue, RESET_LIMIT_NS))
			enter(queue, Q_RESET);
		wait(queue, RESET_NS);
		return;
	default:
		recover(queue, status);
	}
}

static void run_irq_wait(struct queue *queue)
{
	struct ap_queue_status status = ap_tapq(queue->qid, NULL);

	if (status.response_code != AP_RESPONSE_NORMAL && status.response_code != AP_RESPONSE_BUSY) {
		recover(queue, status);
		return;
	}
	queue->irq = status.irq_enabled;
	if (queue->irq || lasts(queue, IRQ_LIMIT_NS))
		become_ready(queue);
	else
		wait_longer(queue);
}

// DQAP, all parts of a reply, one behind the other. What does not fit is taken too, and `length` is more than there is room for.
static struct ap_queue_status dequeue(struct queue *queue, u64 *psmid, size_t *length)
{
	struct ap_queue_status status;
	size_t got = 0, part;
	// None: a reply whose parts were broken off begins anew.
	u64 token = 0;

	do {
		size_t at = got < REPLY_BYTES ? got : 0;
		size_t room = REPLY_BYTES - at < PART_BYTES ? REPLY_BYTES - at : PART_BYTES;

#ifdef DEFECT_TOKEN
		// Where it was broken off, it goes on.
		token = queue->token;
#endif
		status = ap_dqap(queue->qid, psmid, reply + at, room, &part, NULL, &token);
#ifdef DEFECT_TOKEN
		if (token != 0 || status.response_code == AP_RESPONSE_NORMAL)
			queue->token = token;
#endif
		got += part;
	} while (status.response_code == AP_RESPONSE_REPLY_LARGER && token != 0);
	*length = got;
	return status;
}

// Takes one reply. Whether there may be more.
static bool receive(struct queue *queue)
{
	struct ap_queue_status status;
	size_t length;
	struct job *job;
	u64 psmid;

	status = dequeue(queue, &psmid, &length);
	if (status.response_code == AP_RESPONSE_NO_PENDING_REPLY) {
		// The machine knows of no message, the driver does: they are lost.
		if (status.queue_empty && queue->sent.count > 0)
			send_again(queue);
		if (status.queue_empty)
			queue->full = false;
		return false;
	}
	if (status.response_code != AP_RESPONSE_NORMAL) {
		if (status.response_code != AP_RESPONSE_BUSY)
			recover(queue, status);
		return false;
	}
	queue->full = false;
	queue->failures = 0;
	queue->pause_ns = POLL_NS;
	job = find(&queue->sent, psmid);
#ifdef DEFECT_NULL
	ap_log("reply after %llu ns", ap_time_ns() - job->sent_ns);
#endif
	// A reply nobody waits for, or no longer.
	if (job == NULL)
		return true;
	take(&queue->sent, job);
	if (length > REPLY_BYTES)
		fail(job, -EMSGSIZE);
	else
		finish(job, length);
	return true;
}

// Sends one request. Whether there may be room for another.
static bool send(struct queue *queue)
{
	struct job *job = queue->waiting.first;
	struct ap_queue_status status;

	if (job == NULL || queue->full || queue->sent.count >= queue->depth)
		return false;
#ifdef DEFECT_BUSY
	take(&queue->waiting, job);
#endif
	job->psmid = ++last_psmid;
	status = ap_nqap(queue->qid, job->psmid, job->request->message, job->request->length);
#ifdef DEFECT_SPIN
	while (status.response_code == AP_RESPONSE_BUSY)
		status = ap_nqap(queue->qid, job->psmid, job->request->message, job->request->length);
#endif
	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		job->sent_ns = ap_time_ns();
		queue->pause_ns = POLL_NS;
#ifndef DEFECT_BUSY
		take(&queue->waiting, job);
#endif
		append(&queue->sent, job);
		return true;
	case AP_RESPONSE_Q_FULL:
		queue->full = true;
#ifdef DEFECT_BUSY
		append(&queue->waiting, job);
#endif
		return false;
	case AP_RESPONSE_BUSY:
		return false;
	case AP_RESPONSE_INVALID_DOMAIN:
	case AP_RESPONSE_MESSAGE_TOO_BIG:
	case AP_RESPONSE_REQ_FAC_NOT_INST:
#ifndef DEFECT_BUSY
		take(&queue->waiting, job);
#endif
		fail(job, -EINVAL);
		return true;
	default:
#ifdef DEFECT_BUSY
		append(&queue->waiting, job);
#endif
		recover(queue, status);
		return false;
	}
}

// The oldest request has waited for its reply too long: the queue begins anew.
static bool give_up(struct queue *queue)
{
	struct job *oldest = queue->sent.first;

	if (oldest == NULL || ap_time_ns() - oldest->sent_ns < REPLY_LIMIT_NS)
		return false;
#ifdef DEFECT_FREED
	fail(oldest, -ETIMEDOUT);
#else
	fail(take(&queue->sent, oldest), -ETIMEDOUT);
#endif
	enter(queue, Q_RESET);
	wait(queue, 0);
	return true;
}

// Replies of others may keep a queue full that has none of ours.
static bool may_have_replies(const struct queue *queue)
{
	return queue->state == Q_READY && (queue->sent.count > 0 || queue->full);
}

static void send_all(struct queue *queue)
{
	while (send(queue))
		;
	if (queue->state != Q_READY)
		return;
	if (queue->sent.count > 0 && queue->irq)
		wait(queue, LOOK_NS);
	else if (queue->waiting.count > 0 || queue->sent.count > 0)
		wait_longer(queue);
}

static void poll(struct queue *queue)
{
	if (queue->state != Q_READY)
		return;
	while (may_have_replies(queue) && receive(queue))
		;
	if (queue->state == Q_READY && !give_up(queue))
		send_all(queue);
}

// Looks for replies on all queues: first the byte is cleared, then they are read. A reply that comes in between sets it again.
static void poll_all(void)
{
	notification = 0;
	for (struct queue *queue = queues; queue != NULL; queue = queue->next)
		poll(queue);
}

static void queue_run(struct queue *queue)
{
	switch (queue->state) {
	case Q_RESET:
		run_reset(queue);
		return;
	case Q_RESET_WAIT:
		run_reset_wait(queue);
		return;
	case Q_IRQ_WAIT:
		run_irq_wait(queue);
		return;
	case Q_READY:
		poll_all();
		return;
	case Q_GONE:
		return;
	}
}

static void queue_timer(struct ap_timer *timer)
{
	queue_run((struct queue *)((u8 *)timer - offsetof(struct queue, timer)));
}

// ---- Which queues there are --------------------------------------------------------------------------------------------------------

static struct queue *queue_of(ap_qid_t qid)
{
	struct queue *queue = queues;

	while (queue != NULL && queue->qid != qid)
		queue = queue->next;
	return queue;
}

static void add_queue(ap_qid_t qid, const struct ap_tapq_hwinfo *info)
{
	struct queue *queue = ap_alloc(sizeof(*queue));

	if (queue == NULL)
		return;
	queue->qid = qid;
	queue->depth = info->qd + 1;
	queue->timer.function = queue_timer;
	queue->next = queues;
	queues = queue;
	enter(queue, Q_RESET);
	wait(queue, 0);
}

// One queue of the configuration: it is new, it is back, or nothing has changed.
static void look_at(ap_qid_t qid)
{
	struct queue *queue = queue_of(qid);
	struct ap_queue_status status;
	struct ap_tapq_hwinfo info;

	if (queue != NULL && queue->state != Q_GONE)
		return;
	status = ap_test_queue(qid, ap_facility(AP_FACILITY_APFT), &info);
	if (status.response_code != AP_RESPONSE_NORMAL && status.response_code != AP_RESPONSE_RESET_IN_PROGRESS &&
	    status.response_code != AP_RESPONSE_BUSY)
		return;
	if (queue == NULL) {
		add_queue(qid, &info);
		return;
	}
#ifndef DEFECT_GONE
	enter(queue, Q_RESET);
	wait(queue, 0);
#endif
}

static void scan(void)
{
	struct ap_config_info config;

	if (ap_qci(&config) != 0)
		return;
	for (unsigned int card = 0; card <= config.na; card++) {
		if (!ap_test_config(config.apm, card))
			continue;
		for (unsigned int domain = 0; domain <= config.nd; domain++)
			if (ap_test_config(config.aqm, domain))
				look_at(AP_MKQID(card, domain));
	}
}

static void scan_again(struct ap_timer *timer)
{
	scan();
	ap_timer_start(timer, SCAN_NS);
}

// ---- What apemu calls --------------------------------------------------------------------------------------------------------------

void ap_driver_start(void)
{
	reply = ap_alloc(REPLY_BYTES);
	AP_BUG_ON(reply == NULL);
	scan_timer.function = scan_again;
	scan_again(&scan_timer);
}

void ap_driver_interrupt(unsigned int isc)
{
	if (isc == AP_ISC && notification != 0)
		poll_all();
}

// The queue a request names, or the one with the least to do.
static struct queue *choose(ap_qid_t qid)
{
	struct queue *best = NULL;

	for (struct queue *queue = queues; queue != NULL; queue = queue->next) {
		if (queue->state == Q_GONE || (qid != AP_ANY_QUEUE && qid != queue->qid))
			continue;
		if (best == NULL || queue->waiting.count + queue->sent.count < best->waiting.count + best->sent.count)
			best = queue;
	}
	return best;
}

void ap_driver_submit(struct ap_request *request)
{
	struct queue *queue = closed ? NULL : choose(request->qid);
	struct job *job;

	if (queue == NULL) {
		ap_fail(request, -ENODEV);
		return;
	}
	job = ap_alloc(sizeof(*job));
	if (job == NULL) {
		ap_fail(request, -ENOMEM);
		return;
	}
	job->request = request;
	append(&queue->waiting, job);
	if (queue->state == Q_READY)
		send_all(queue);
}

void ap_driver_scan(void)
{
	if (!closed)
		scan();
}

void ap_driver_close(void)
{
	closed = true;
	ap_timer_cancel(&scan_timer);
	while (queues != NULL) {
		struct queue *queue = queues;

		queues = queue->next;
		ap_timer_cancel(&queue->timer);
		fail_all(&queue->sent, -ECANCELED);
		fail_all(&queue->waiting, -ECANCELED);
		// Nothing may come for it any more, the notification byte included; one that has gone may be back.
		ap_rapq(queue->qid, 0);
		ap_free(queue);
	}
	ap_free(reply);
	reply = NULL;
}

bool ap_driver_gone(ap_qid_t qid)
{
	struct queue *queue = queue_of(qid);

#ifdef DEFECT_GONE
	return false;
#endif
	return queue == NULL || queue->state == Q_GONE;
}

enum ap_belief ap_driver_believes(ap_qid_t qid)
{
	struct queue *queue = queue_of(qid);

	if (queue == NULL || queue->state == Q_GONE)
		return AP_GONE;
	if (queue->state != Q_READY)
		return AP_RESET;
	return queue->full ? AP_FULL : AP_READY;
}
