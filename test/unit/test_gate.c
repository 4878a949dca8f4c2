/* SPDX-License-Identifier: MIT */
/* Gates: the least of a set of sequences, while members come and go. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "disruptor/gate.h"

TestSuite(gate, .timeout = 20);

#define SLOTS 4

/* A gate over SLOTS sequences, none of them a member yet. */
struct fixture {
    struct takt__gate gate;
    takt_sequence sequences[SLOTS];
    const takt_sequence *members[SLOTS];
};

static struct fixture f;

static void set_up(uint32_t used, const int64_t *values)
{
    f.gate = (struct takt__gate){.members = f.members};
    for (uint32_t i = 0; i < SLOTS; i++) {
        takt_sequence_init(&f.sequences[i], i < used ? values[i] : TAKT_SEQUENCE_GONE);
        f.members[i] = &f.sequences[i];
    }
    takt__gate_cover(&f.gate, used);
}

Test(gate, least_of_its_members)
{
    /* Every order of four different values. */
    for (int code = 0; code < SLOTS * SLOTS * SLOTS * SLOTS; code++) {
        int64_t values[SLOTS], least = TAKT_SEQUENCE_GONE;
        for (int i = 0, rest = code; i < SLOTS; i++, rest /= SLOTS) {
            values[i] = rest % SLOTS - 1;
            least = values[i] < least ? values[i] : least;
        }
        set_up(SLOTS, values);
        cr_assert_eq(takt__gate_least(&f.gate), least, "values %d", code);
    }
}

Test(gate, of_nobody_holds_nobody_back)
{
    set_up(0, NULL);
    cr_assert_eq(takt__gate_least(&f.gate), TAKT_SEQUENCE_GONE);
    set_up(2, (int64_t[]){TAKT_SEQUENCE_GONE, TAKT_SEQUENCE_GONE});
    cr_assert_eq(takt__gate_least(&f.gate), TAKT_SEQUENCE_GONE);
}

Test(gate, only_covered_slots_count)
{
    set_up(4, (int64_t[]){9, 8, 7, 6});
    for (uint32_t used = 4; used > 0; used--) {
        takt__gate_cover(&f.gate, used);
        cr_assert_eq(takt__gate_least(&f.gate), 10 - (int64_t)used);
    }
}

Test(gate, members_come_and_go)
{
    set_up(2, (int64_t[]){10, 12});
    takt_sequence_set(&f.sequences[2], 12);
    cr_assert_eq(takt__gate_least(&f.gate), 10);
    takt__gate_cover(&f.gate, 3);
    takt__gate_raise(&f.gate);
    cr_assert_eq(takt__gate_least(&f.gate), 10);
    takt_sequence_set(&f.sequences[0], TAKT_SEQUENCE_GONE);
    cr_assert_eq(takt__gate_least(&f.gate), 12);
    takt_sequence_set(&f.sequences[1], TAKT_SEQUENCE_GONE);
    cr_assert_eq(takt__gate_least(&f.gate), 12);
    takt_sequence_set(&f.sequences[2], 15);
    cr_assert_eq(takt__gate_least(&f.gate), 15);
    /* A slot is used again, from where the set has come. */
    takt_sequence_set(&f.sequences[0], 15);
    takt__gate_raise(&f.gate);
    takt_sequence_set(&f.sequences[2], 20);
    cr_assert_eq(takt__gate_least(&f.gate), 15);
}

Test(gate, the_version_moves_once_for_each_change_and_may_wrap)
{
    set_up(1, (int64_t[]){3});
    f.gate.version = UINT32_MAX - 1;
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(f.gate.version, UINT32_MAX - 1 + i);
        cr_assert_eq(takt__gate_least(&f.gate), 3);
        takt__gate_raise(&f.gate);
    }
    takt__gate_cover(&f.gate, 2);
    cr_assert_eq(f.gate.version, 2, "covering is no change of the set");
}

Test(gate, least_of_several_gates)
{
    struct takt__gates gates = {0};
    takt_sequence s[3] = {{.value = 5}, {.value = 4}, {.value = 6}};
    const takt_sequence *members[3] = {&s[0], &s[1], &s[2]};
    struct takt__gate first = {.members = members, .used = 1};
    struct takt__gate second = {.members = members + 1, .used = 2};
    struct takt__gate empty = {.members = members, .used = 0};

    cr_assert_eq(takt__gates_least(&gates), TAKT_SEQUENCE_GONE);
    gates.gate[gates.count++] = &first;
    cr_assert_eq(takt__gates_least(&gates), 5);
    gates.gate[gates.count++] = &second;
    cr_assert_eq(takt__gates_least(&gates), 4);
    gates.gate[gates.count++] = &empty;
    cr_assert_eq(takt__gates_least(&gates), 4);
    takt_sequence_set(&s[1], TAKT_SEQUENCE_GONE);
    cr_assert_eq(takt__gates_least(&gates), 5);
    takt_sequence_set(&s[0], 7);
    cr_assert_eq(takt__gates_least(&gates), 6);
}

#define HANDOVERS 100000

/* How far the work has really come: stored before any member says so. */
static TAKT_ALIGNED int64_t truth;

/* Hands the work back and forth between two members, and does a little of it each time. */
static void *hand_over(void *unused)
{
    (void)unused;
    int64_t done = 0;
    for (uint32_t i = 0; i < HANDOVERS; i++) {
        takt_sequence *from = &f.sequences[i & 1];
        takt_sequence *to = &f.sequences[(i + 1) & 1];
        takt_sequence_set(to, done);
        takt__gate_raise(&f.gate);
        takt_sequence_set(from, TAKT_SEQUENCE_GONE);
        takt__store_release(&truth, ++done);
        takt_sequence_set(to, done);
    }
    return NULL;
}

Test(gate, a_reader_is_not_fooled_by_a_hand_over)
{
    pthread_t thread;
    uint64_t beyond = 0, fallen = 0;
    int64_t least = 0;

    set_up(2, (int64_t[]){0, TAKT_SEQUENCE_GONE});
    cr_assert_eq(pthread_create(&thread, NULL, hand_over, NULL), 0);
    while (least < HANDOVERS && !beyond) {
        int64_t now = takt__gate_least(&f.gate);
        beyond += now > takt__load_acquire(&truth);
        fallen += now < least;
        least = now;
    }
    pthread_join(thread, NULL);
    cr_assert_eq(beyond, 0, "%lu of the values read lay beyond the work done", beyond);
    cr_assert_eq(fallen, 0, "%lu of the values read lay below the one before", fallen);
}
