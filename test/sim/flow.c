/* SPDX-License-Identifier: MIT */
#include "flow.h"

struct flow *flow_begin(int64_t capacity, bool multi, takt_wait wait)
{
    struct flow *f = sim_memory(sizeof *f);
    int error =
        takt_ring_create(&f->ring, TAKT_RING(.event_size = sizeof(struct flow_event),
                                             .capacity = capacity, .multi = multi, .alignment = 8,
                                             .wait = wait, .allocator = &sim_allocator));
    sim_check(error == 0, "no ring: %s", takt_strerror(error));
    return f;
}

takt_consumer *flow_consumer(struct flow *f, const uint32_t *after, uint32_t count, takt_wait wait)
{
    struct flow_consumer *c = &f->consumers[f->count];
    takt_consumer *before[FLOW_CONSUMERS];
    *c = (struct flow_consumer){.flow = f, .index = f->count, .first = -1};
    for (uint32_t i = 0; i < count; i++)
        before[i] = f->consumers[after[i]].handle;
    f->count++;
    int error =
        takt_consumer_add(f->ring, &c->handle,
                          TAKT_CONSUMER(.name = "consumer", .handler = flow_handle, .context = c,
                                        .after = before, .after_count = count, .wait = wait));
    sim_check(error == 0, "no consumer: %s", takt_strerror(error));
    return c->handle;
}

int flow_handle(void *context, takt_batch *b)
{
    struct flow_consumer *c = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        if (c->first < 0)
            c->first = s;
        else
            sim_check(c->flow->voids ? s > c->last : s == c->last + 1,
                      "consumer %u got event %lld after %lld", c->index, (long long)s,
                      (long long)c->last);
        c->last = s;
        c->count++;
        sim_check(e->producer >= 0 && e->producer < FLOW_PRODUCERS, "event %lld is not filled",
                  (long long)s);
        int64_t *number = &c->numbers[e->producer];
        sim_check(c->first > 0 ? e->number >= *number : e->number == *number,
                  "producer %lld's event is %lld, not %lld", (long long)e->producer,
                  (long long)e->number, (long long)*number);
        *number = e->number + 1;
    }
    return 0;
}

void flow_fill(struct flow *f, int64_t sequence, int64_t producer, int64_t number)
{
    struct flow_event *e = takt_ring_at(f->ring, sequence);
    e->producer = producer;
    e->number = number;
}

void flow_skips_voids(struct flow *f)
{
    f->voids = true;
}

int64_t flow_produce(struct flow *f, int64_t producer, int64_t events, int64_t deadline)
{
    for (int64_t i = 0; i < events; i++) {
        int64_t s = takt_ring_next_until(f->ring, 1, deadline);
        if (s < 0)
            return i ? i : s;
        flow_fill(f, s, producer, i);
        takt_ring_publish(f->ring, s);
    }
    return events;
}

void flow_drain(struct flow *f)
{
    int64_t left = takt_ring_drain(f->ring, TAKT_FOREVER);
    sim_check(left == 0, "%lld events are left after a drain", (long long)left);
}

void flow_wait(const struct flow *f, int64_t sequence)
{
    const takt_sequence *sequences[FLOW_CONSUMERS];
    for (uint32_t i = 0; i < f->count; i++)
        sequences[i] = takt_consumer_sequence(f->consumers[i].handle);
    takt_barrier *barrier;
    int error = takt_barrier_create(&barrier, f->ring, sequences, f->count, &FLOW_BLOCK);
    sim_check(error == 0, "no barrier: %s", takt_strerror(error));
    int64_t found = takt_barrier_wait(barrier, sequence, TAKT_FOREVER);
    sim_check(found >= sequence, "waited for %lld, found %lld", (long long)sequence,
              (long long)found);
    takt_barrier_destroy(barrier);
}

void flow_end(struct flow *f, int64_t events)
{
    takt_ring_destroy(f->ring);
    for (uint32_t i = 0; i < f->count && events >= 0; i++)
        sim_check(f->consumers[i].count == events, "consumer %u got %lld events of %lld", i,
                  (long long)f->consumers[i].count, (long long)events);
}
