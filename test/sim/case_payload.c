/* SPDX-License-Identifier: MIT */
/*
 * A ring of bytes beside the slots: messages of 8 and 16 bytes, in most cases in a ring of 16, so
 * that each second one has to wait for bytes. Every message arrives as it was written; the explorer
 * checks besides that no byte is written while it may be read.
 */
#include <takt/payload.h>

#include "cases.h"
#include "flow.h"

struct letters {
    struct flow *flow;
    takt_payload *payload;
    int64_t next[FLOW_PRODUCERS]; /* the number that is due of each producer */
    int64_t plain;                /* events without bytes */
};

struct writer {
    struct letters *l;
    int64_t number, messages;
    bool without; /* claims slots alone */
};

static int read_letters(void *context, takt_batch *b)
{
    struct letters *l = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *e = takt_batch_at(b, i);
        size_t bytes;
        const int64_t *text = takt_payload_at(l->payload, takt_batch_sequence(b, i), &bytes);
        sim_check(e->number == l->next[e->producer]++, "producer %lld's message is %lld",
                  (long long)e->producer, (long long)e->number);
        if (e->producer == 0) {
            l->plain++;
            sim_check(!text && bytes == 0, "a slot without bytes has %zu", bytes);
            continue;
        }
        sim_check(text && bytes == (e->number % 2 ? 16 : 8), "message %lld has %zu bytes",
                  (long long)e->number, bytes);
        for (size_t k = 0; k < bytes / 8; k++)
            sim_check(text[k] == e->producer * 100 + e->number, "a message is not as written");
    }
    return 0;
}

static void write_letters(void *context)
{
    const struct writer *w = context;
    for (int64_t i = 0; i < w->messages; i++) {
        size_t bytes = i % 2 ? 16 : 8;
        int64_t *text = NULL;
        int64_t s = w->without ? takt_ring_next(w->l->flow->ring, 1)
                               : takt_payload_next(w->l->payload, bytes, (void **)&text);
        sim_check(s >= 0, "a claim: %s", takt_strerror((int)s));
        for (size_t k = 0; text && k < bytes / 8; k++)
            text[k] = w->number * 100 + i;
        flow_fill(w->l->flow, s, w->number, i);
        takt_ring_publish(w->l->flow->ring, s);
    }
}

static struct letters *letters_begin(bool multi, int64_t slots, int64_t bytes)
{
    struct letters *l = sim_memory(sizeof *l);
    takt_consumer *c;
    l->flow = flow_begin(slots, multi, FLOW_BLOCK);
    int error = takt_payload_create(&l->payload, l->flow->ring, TAKT_PAYLOAD(.capacity = bytes));
    sim_check(error == 0, "no payload: %s", takt_strerror(error));
    takt_consumer_add(l->flow->ring, &c,
                      TAKT_CONSUMER(.handler = read_letters, .context = l, .wait = FLOW_BLOCK));
    takt_consumer_start(c);
    return l;
}

static int start_writer(struct letters *l, int64_t number, int64_t messages)
{
    static const char *const names[] = {"plain", "writer 1", "writer 2"};
    struct writer *w = sim_memory(sizeof *w);
    *w = (struct writer){l, number, messages, number == 0};
    return sim_start(names[number], write_letters, w);
}

static void letters_end(struct letters *l, int64_t events)
{
    flow_drain(l->flow);
    takt_payload_destroy(l->payload);
    int64_t came = 0;
    for (int i = 0; i < FLOW_PRODUCERS; i++)
        came += l->next[i];
    sim_check(came == events, "%lld events came of %lld", (long long)came, (long long)events);
    flow_end(l->flow, 0);
}

static void payload_single(void *unused)
{
    (void)unused;
    struct letters *l = letters_begin(false, 4, 16);
    sim_join(start_writer(l, 1, 4));
    letters_end(l, 4);
}

static void two_writers(struct letters *l, int64_t first, int64_t second, int64_t messages)
{
    int a = start_writer(l, first, messages);
    int b = start_writer(l, second, messages);
    sim_join(a);
    sim_join(b);
    letters_end(l, 2 * messages);
}

static void payload_multi(void *unused)
{
    (void)unused;
    two_writers(letters_begin(true, 4, 16), 1, 2, 2);
}

static void payload_beside(void *unused)
{
    (void)unused;
    two_writers(letters_begin(true, 4, 16), 0, 1, 3);
}

/* Bytes enough: whoever claims with them knows only through the other that a slot is free. */
static void payload_gap(void *unused)
{
    (void)unused;
    two_writers(letters_begin(true, 2, 64), 0, 1, 2);
}

const struct sim_case sim_payload_cases[] = {
    {"payload_single", "messages of one producer", payload_single, 2, 15, false, false},
    {"payload_multi", "of two", payload_multi, 2, 25, false, false},
    {"payload_beside", "beside slots without bytes", payload_beside, 2, 25, false, false},
    {"payload_gap", "and in a ring of two slots", payload_gap, 1, 25, false, false},
    {0},
};
