/* SPDX-License-Identifier: MIT */
/*
 * Messages of any length between threads: producers claim slots and bytes, write, and publish; two
 * consumers, one after the other, compare every message with the checksum in its slot. The second
 * wipes it, so that bytes that come back too early are seen by the values and by the thread
 * sanitizer. Slots or bytes run out first, by the sizes; some claims have a deadline, some slots
 * have no bytes, some messages are void.
 *
 * TAKT_STRESS_EVENTS: messages of each producer.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <takt/takt.h>

#include "disruptor/atomic.h"
#include "random.h"
#include "tap.h"

#define PRODUCERS_MOST 4

/* The event in the slot. */
struct letter {
    int64_t producer, number;
    uint64_t sum;
    int64_t length; /* -1: claimed without bytes */
};

struct setting {
    const char *name;
    int producers;
    int64_t slots, bytes;
    enum takt_wait_kind wait;
};

struct mail {
    const struct setting *setting;
    takt_ring *ring;
    takt_payload *payload;
    int64_t wrong, disordered, seen;
    int64_t next[PRODUCERS_MOST]; /* the number that comes next from each producer */
    takt_sequence sequence;       /* of a consumer that is no takt_consumer */
};

struct producer {
    struct mail *mail;
    int64_t index, letters, given_up;
    int error;
    pthread_t thread;
};

/* FNV-1a. */
static uint64_t checksum(const unsigned char *bytes, size_t length)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    return sum;
}

static void fill(struct rng *rng, unsigned char *bytes, size_t length)
{
    uint64_t word = rng_next(rng);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)(word >> i % 8 * 8);
}

/* Claims one way or another, again until there is room. The sequence, or the error. */
static int64_t claim(struct producer *p, struct rng *rng, int64_t length, void **memory)
{
    struct mail *mail = p->mail;
    if (length < 0)
        return takt_ring_next(mail->ring, 1);
    bool patient = rng_below(rng, 4);
    for (;;) {
        int64_t deadline = patient ? TAKT_FOREVER : takt_after(rng_below(rng, 50000));
        int64_t s = takt_payload_next_until(mail->payload, (size_t)length, deadline, memory);
        if (s != TAKT_ETIMEDOUT)
            return s;
        p->given_up++;
    }
}

/* Writes the next letter, or posts a void one; the next number, or an error. */
static int64_t post(struct producer *p, struct rng *rng, int64_t number)
{
    struct mail *mail = p->mail;
    int64_t most = rng_below(rng, 16) ? mail->setting->bytes / 8 : mail->setting->bytes;
    int64_t length = (int64_t)rng_below(rng, (uint32_t)most + 1);
    if (rng_below(rng, 8) == 0)
        length = -1;
    void *memory = NULL;
    int64_t s = claim(p, rng, length, &memory);
    if (s < 0)
        return s;
    struct letter *letter = takt_ring_at(mail->ring, s);
    *letter = (struct letter){.producer = p->index, .number = number, .length = length};
    if (length >= 0) {
        fill(rng, memory, (size_t)length);
        letter->sum = checksum(memory, (size_t)length);
    }
    if (rng_below(rng, 16)) {
        takt_ring_publish(mail->ring, s);
        return number + 1;
    }
    takt_ring_publish_void(mail->ring, s, s);
    return number;
}

static void *produce(void *context)
{
    struct producer *p = context;
    struct rng rng = {(uint64_t)p->index + 1};
    int64_t number = 0;
    while (number >= 0 && number < p->letters)
        number = post(p, &rng, number);
    p->error = number < 0 ? (int)number : 0;
    return NULL;
}

static bool is_right(const struct mail *mail, const struct letter *letter, int64_t s)
{
    size_t length;
    const unsigned char *bytes = takt_payload_at(mail->payload, s, &length);
    if (letter->length < 0)
        return !bytes && length == 0;
    return bytes && length == (size_t)letter->length && checksum(bytes, length) == letter->sum;
}

static int on_read(void *context, takt_batch *b)
{
    struct mail *mail = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct letter *letter = takt_batch_at(b, i);
        mail->wrong += !is_right(mail, letter, takt_batch_sequence(b, i));
        mail->disordered += letter->number != mail->next[letter->producer]++;
        mail->seen++;
    }
    return 0;
}

static int on_wipe(void *context, takt_batch *b)
{
    struct mail *mail = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        size_t length;
        unsigned char *bytes = takt_payload_at(mail->payload, s, &length);
        mail->wrong += !is_right(mail, takt_batch_at(b, i), s);
        mail->seen++;
        if (bytes)
            memset(bytes, 0xee, length);
    }
    return 0;
}

static void run(const struct setting *setting, int64_t letters)
{
    struct mail reader = {.setting = setting}, wiper;
    struct producer producers[PRODUCERS_MOST] = {0};
    takt_consumer *read, *wipe;
    takt_wait wait = {.kind = setting->wait};
    takt_ring_create(&reader.ring,
                     TAKT_RING(.event_size = sizeof(struct letter), .capacity = setting->slots,
                               .wait = wait, .multi = setting->producers > 1));
    takt_payload_create(&reader.payload, reader.ring, TAKT_PAYLOAD(.capacity = setting->bytes));
    wiper = reader;
    takt_consumer_add(reader.ring, &read,
                      TAKT_CONSUMER(.handler = on_read, .context = &reader, .wait = wait));
    takt_consumer_add(reader.ring, &wipe,
                      TAKT_CONSUMER(.handler = on_wipe, .context = &wiper, .after = &read,
                                    .after_count = 1, .wait = wait));
    takt_consumer_start(read);
    takt_consumer_start(wipe);
    int64_t given_up = 0;
    int error = 0;
    for (int i = 0; i < setting->producers; i++) {
        producers[i] = (struct producer){.mail = &reader, .index = i, .letters = letters};
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
    }
    for (int i = 0; i < setting->producers; i++) {
        pthread_join(producers[i].thread, NULL);
        given_up += producers[i].given_up;
        error = producers[i].error < 0 ? producers[i].error : error;
    }
    int64_t left = takt_ring_drain(reader.ring, takt_after(INT64_C(60000000000)));
    takt_consumer_halt(read);
    takt_consumer_halt(wipe);
    takt_consumer_join(read);
    takt_consumer_join(wipe);
    int64_t all = letters * setting->producers;
    ok(error == 0 && left == 0, "%s: all is published and drained (%s, %ld left, %ld given up)",
       setting->name, takt_strerror(error), (long)left, (long)given_up);
    ok(reader.seen == all && wiper.seen == all, "%s: %ld letters arrive twice", setting->name,
       (long)all);
    ok(reader.wrong == 0 && wiper.wrong == 0, "%s: each as it was written", setting->name);
    ok(reader.disordered == 0, "%s: in the order of their producers", setting->name);
    takt_payload_destroy(reader.payload);
    takt_ring_destroy(reader.ring);
}

static void *read_both(void *context)
{
    struct mail *mail = context;
    while (takt_ring_cursor(mail->ring) < 1)
        sched_yield();
    for (int64_t s = 0; s < 2; s++)
        mail->wrong += *(int64_t *)takt_payload_at(mail->payload, s, NULL) != s;
    takt_sequence_set(&mail->sequence, 1);
    return NULL;
}

static void *claim_both(void *context)
{
    struct mail *mail = context;
    int64_t high = takt_ring_next(mail->ring, 2);
    takt_ring_publish_range(mail->ring, high - 1, high);
    return NULL;
}

/*
 * A consumer reads where the bytes of two messages are and gives both slots back; one producer
 * takes the slots without bytes, and another, who has heard of nothing but that, notes so. For the
 * thread sanitizer: the reading must come before the noting by way of the producer in between.
 */
static void run_gap(void)
{
    struct mail mail = {0};
    pthread_t reader, claimer;
    takt_ring_create(&mail.ring, TAKT_RING(.event_size = 8, .capacity = 2, .multi = true));
    takt_payload_create(&mail.payload, mail.ring, TAKT_PAYLOAD(.capacity = 64));
    takt_sequence_init(&mail.sequence, TAKT_SEQUENCE_INITIAL);
    takt_ring_add_gating(mail.ring, &mail.sequence);
    for (int64_t s = 0; s < 2; s++) {
        void *memory;
        takt_payload_next(mail.payload, sizeof s, &memory);
        memcpy(memory, &s, sizeof s);
        takt_ring_publish(mail.ring, s);
    }
    pthread_create(&reader, NULL, read_both, &mail);
    pthread_create(&claimer, NULL, claim_both, &mail);
    while (takt__ld64_rlx(&mail.ring->claimed) != 3)
        sched_yield();
    int64_t s = takt_payload_try_next(mail.payload, 1, NULL);
    pthread_join(reader, NULL);
    pthread_join(claimer, NULL);
    ok(s == TAKT_EFULL && mail.wrong == 0, "slots taken without bytes are noted after their use");
    ok(!takt_payload_at(mail.payload, 2, NULL), "and have none");
    takt_payload_destroy(mail.payload);
    takt_ring_destroy(mail.ring);
}

int main(void)
{
    static const struct setting settings[] = {
        {"one producer, bytes short", 1, 64, 256, TAKT_WAIT_BLOCK},
        {"one producer, slots short", 1, 4, 4096, TAKT_WAIT_BLOCK},
        {"one producer, one slot", 1, 1, 64, TAKT_WAIT_YIELD},
        {"two producers, bytes short", 2, 64, 256, TAKT_WAIT_BLOCK},
        {"two producers, slots short", 2, 4, 4096, TAKT_WAIT_YIELD},
        {"four producers, both short", 4, 16, 1024, TAKT_WAIT_BLOCK},
    };
    int64_t letters = tap_setting("TAKT_STRESS_EVENTS", 20000);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        run(&settings[i], letters);
    run_gap();
    return done();
}
