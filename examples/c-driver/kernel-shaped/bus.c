// SPDX-License-Identifier: Apache-2.0
// What stands in for the kernel around queue.c: a bus that finds queues, a poll timer, an interruption handler, requests of apemu's user.
#include "queue.h"
#include "../reply.h"

#define POLL_HIGH 2u
#define POLL_LOW 20u
#define SCAN (10 * HZ)

static struct list_head queues;
static struct timer_list poll_timer, scan_timer;
static u8 indicator;
static u64 last_psmid;
static bool closed;

static void poll_all(void)
{
	unsigned int delay = 0;
	struct queue *q;

	indicator = 0;
	list_for_each_entry(q, &queues, node) {
		enum queue_sm_wait wait;
		unsigned int wanted;

		spin_lock(&q->lock);
		wait = queue_sm_poll_loop(q);
		spin_unlock(&q->lock);
		wanted = wait == SM_WAIT_HIGH ? POLL_HIGH : wait == SM_WAIT_LOW ? POLL_LOW : 0;
		if (wanted != 0 && (delay == 0 || wanted < delay))
			delay = wanted;
	}
	if (delay != 0)
		mod_timer(&poll_timer, jiffies + delay);
}

static void poll_again(struct timer_list *timer)
{
	(void)timer;
	poll_all();
}

static struct queue *queue_of(ap_qid_t qid)
{
	struct queue *q;

	list_for_each_entry(q, &queues, node)
		if (qid == AP_ANY_QUEUE || q->qid == qid)
			return q;
	return NULL;
}

static void look_at(ap_qid_t qid)
{
	struct queue *q = queue_of(qid);
	struct ap_tapq_hwinfo info;
	u8 rc = ap_test_queue(qid, 1, &info).response_code;

	if (rc != AP_RESPONSE_NORMAL && rc != AP_RESPONSE_RESET_IN_PROGRESS && rc != AP_RESPONSE_BUSY)
		return;
	if (q == NULL) {
		q = kzalloc(sizeof(*q), GFP_KERNEL);
		BUG_ON(q == NULL);
		queue_init(q, qid, info.qd + 1);
		q->reply_len = REPLY_BYTES;
		q->reply = kmalloc(q->reply_len, GFP_KERNEL);
		BUG_ON(q->reply == NULL);
		list_add_tail(&q->node, &queues);
	} else if (q->dev_state == DEV_ERROR) {
		spin_lock(&q->lock);
		queue_restart(q);
		spin_unlock(&q->lock);
	}
}

static void scan(void)
{
	struct ap_config_info config;

	if (ap_qci(&config) != 0)
		return;
	for (unsigned int card = 0; card <= config.na; card++)
		for (unsigned int domain = 0; ap_test_config(config.apm, card) && domain <= config.nd; domain++)
			if (ap_test_config(config.aqm, domain))
				look_at(AP_MKQID(card, domain));
	poll_all();
}

static void scan_again(struct timer_list *timer)
{
	scan();
	mod_timer(timer, jiffies + SCAN);
}

static void received(struct message *message, const void *reply, size_t length)
{
	struct ap_request *request = message->private;
	int error = message->rc;

	if (error == 0)
		error = reply_error(request->message, request->length, reply, length);
	if (error == 0)
		ap_complete(request, reply, length);
	else
		ap_fail(request, error);
	kfree(message);
}

void ap_driver_start(void)
{
	INIT_LIST_HEAD(&queues);
	timer_setup(&poll_timer, poll_again, 0);
	timer_setup(&scan_timer, scan_again, 0);
	if (ap_facility(AP_FACILITY_AQIC))
		queue_indicator = &indicator;
	scan_again(&scan_timer);
}

void ap_driver_interrupt(unsigned int isc)
{
	(void)isc;
	if (indicator != 0)
		poll_all();
}

void ap_driver_submit(struct ap_request *request)
{
	struct queue *q = closed ? NULL : queue_of(request->qid);
	struct message *message = kzalloc(sizeof(*message), GFP_KERNEL);

	if (q == NULL || message == NULL) {
		kfree(message);
		ap_fail(request, -ENODEV);
		return;
	}
	message->psmid = ++last_psmid;
	message->msg = request->message;
	message->len = request->length;
	message->receive = received;
	message->private = request;
	queue_message(q, message);
	poll_all();
}

void ap_driver_scan(void)
{
	if (!closed)
		scan();
}

void ap_driver_close(void)
{
	struct queue *q, *after;

	closed = true;
	del_timer_sync(&poll_timer);
	del_timer_sync(&scan_timer);
	list_for_each_entry_safe(q, after, &queues, node) {
		queue_remove(q);
		list_del(&q->node);
		kfree(q->reply);
		kfree(q);
	}
}
