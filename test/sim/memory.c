/* SPDX-License-Identifier: MIT */
/*
 * What a load may find.
 *
 * The machine has no "current value" of a place: it has the list of the stores that were made to
 * it, each with what its writer wanted to be known with it. A fibre has a view: for each place, the
 * store that it knows of. A load may find that store or any later one; the fibre's view then moves
 * there. A release store carries its writer's view, and an acquire load that finds it takes that
 * view over. This is the usual operational reading of C11's memory model. In particular:
 *
 *   explored   A relaxed or acquire load finds an old store as long as nothing that the fibre knows
 *              forbids it: a store that stays in its core's buffer while later loads are made (what
 *              x86 does: store, then load another place), stores of one thread seen by others in
 *              another order than they were made, loads made early, and two readers that see two
 *              writers' stores in different orders. All this for stores up to seven back.
 *   explored   Fences: as in C11, a full fence makes relaxed stores after it releases and relaxed
 *              loads before it acquires, and of two fences one sees all that the other had seen.
 *              membarrier(2) is a full fence of the caller and of every other fibre, where it is.
 *   explored   Read-modify-writes find the latest store, acquire and release (the relaxed ones do
 *              not), and are no fences.
 *   not        Two stores to one place take effect in the order in which they are made: the
 *              behaviours in which a store is put before one that was made earlier (2+2W) are
 *              missing. So are loads that find stores of the future (load buffering), which no
 *              acquire load or dependent store allows anyway, and a compare-and-swap that fails
 *              because it found an old value.
 *   not        Values of plain variables are never old. A plain access that could see an old value
 *              is a race, and race.c reports it, whatever value was there. A plain load or store of
 *              a place that is otherwise atomic is taken for setting up, and seen by all; but an
 *              atomic access that does not know of such a store is a race, too.
 *   not        The kernel's own ordering: a futex call reads the latest value of its word and
 *              orders nothing else.
 *
 * With x86's stores and loads a subset of this is possible; what is found here and cannot happen on
 * x86 can happen on other machines, or after the compiler moved relaxed accesses.
 */
#include <string.h>

#include "engine.h"

#define KEPT  8 /* stores of a place that can still be found */
#define SLOTS 4096
#define POOL  (16u << 20)
#define WIDTH (SIM_FIBRES + SIM_PLACES)

/* Eight numbers at once: the instructions for it are on every machine that this runs on. */
typedef int16_t lanes __attribute__((vector_size(16), may_alias));

/* The times of the fibres, and for each place the store that is known. */
struct view {
    _Alignas(16) int16_t at[WIDTH];
};

struct store {
    uint64_t value;
    const int16_t *view; /* what an acquire load learns; NULL: nothing */
    uint32_t width;
};

struct place {
    const void *address;
    uint32_t size;
    uint32_t run; /* the schedule that the rest is of */
    int16_t last; /* number of the latest store; the first has 1 */
    int8_t owner;
    bool shared; /* two fibres use it, in some schedule */
    struct store stores[KEPT];
};

static struct place places[SIM_PLACES];
static uint16_t slots[SLOTS]; /* place + 1, by a hash of its address */
static uint32_t place_count, width, run;
static bool grown, strong_memory;

static struct view now[SIM_FIBRES];     /* what a fibre knows, */
static struct view pending[SIM_FIBRES]; /* would know after an acquire fence, */
static struct view fenced[SIM_FIBRES];  /* and knew at its last release fence */
static bool has_fenced[SIM_FIBRES], has_pending[SIM_FIBRES];
static struct view fences; /* what the full fences know together */
static struct view locks[SIM_MUTEXES];

static _Alignas(16) int16_t pool[POOL];
static size_t pooled;

void sim_places_forget(void)
{
    memset(slots, 0, sizeof slots);
    place_count = 0;
    width = SIM_FIBRES;
    grown = false;
}

/* Views are used up to `width`, rounded up to full lanes. */
static uint32_t used_width(void)
{
    return (width + 7) & ~7u;
}

static void clear(struct view *v)
{
    memset(v->at, 0, used_width() * sizeof v->at[0]);
}

void sim_places_reset(bool strong)
{
    run++;
    strong_memory = strong;
    pooled = 0;
    for (int i = 0; i < SIM_FIBRES; i++) {
        clear(&now[i]);
        clear(&pending[i]);
        has_fenced[i] = has_pending[i] = false;
    }
    for (int i = 0; i < SIM_MUTEXES; i++)
        clear(&locks[i]);
    clear(&fences);
    now[0].at[0] = 1;
}

bool sim_places_grown(void)
{
    bool was = grown;
    grown = false;
    return was;
}

static void join(int16_t *to, const int16_t *from, uint32_t from_index, uint32_t n)
{
    for (uint32_t i = from_index; i < n; i += 8) {
        lanes a = *(const lanes *)(to + i);
        lanes b = *(const lanes *)(from + i);
        lanes larger = a > b;
        *(lanes *)(to + i) = (a & larger) | (b & ~larger);
    }
}

/* Takes over what is known of places, and not of what the fibres did otherwise. */
static void join_places(struct view *to, const struct view *from)
{
    join(to->at, from->at, SIM_FIBRES, used_width());
}

static void tick(void)
{
    now[sim_current].at[sim_current]++;
}

void sim_view_begin(int child, int parent)
{
    memcpy(now[child].at, now[parent].at, used_width() * sizeof now[0].at[0]);
    now[child].at[child] = 1;
    tick();
}

void sim_view_join(int fibre, int ended)
{
    join(now[fibre].at, now[ended].at, 0, used_width());
}

void sim_view_lock(uint32_t mutex)
{
    join(now[sim_current].at, locks[mutex].at, 0, used_width());
}

void sim_view_unlock(uint32_t mutex)
{
    join(locks[mutex].at, now[sim_current].at, 0, used_width());
    tick();
}

bool sim_knows(int fibre, int16_t clock)
{
    return now[sim_current].at[fibre] >= clock;
}

int16_t sim_clock_of_current(void)
{
    return now[sim_current].at[sim_current];
}

static struct place *add_place(const void *address, uint32_t size, uint32_t slot)
{
    if (place_count == SIM_PLACES)
        sim_fail("the case has more than %d atomic variables", SIM_PLACES);
    struct place *p = &places[place_count++];
    memset(p, 0, sizeof *p);
    p->address = address;
    p->size = size;
    slots[slot] = (uint16_t)place_count;
    width = SIM_FIBRES + place_count;
    return p;
}

static struct place *find(const void *address, uint32_t size)
{
    uint32_t slot = (uint32_t)(((uint64_t)(uintptr_t)address >> 2) * 0x9e3779b97f4a7c15u >> 52);
    for (; slots[slot]; slot = (slot + 1) % SLOTS) {
        struct place *p = &places[slots[slot] - 1];
        if (p->address == address)
            return p;
    }
    return add_place(address, size, slot);
}

static uint64_t read_memory(const struct place *p)
{
    if (p->size == sizeof(uint32_t))
        return *(const uint32_t *)p->address;
    return *(const uint64_t *)p->address;
}

static int16_t *known(const struct place *p)
{
    return &now[sim_current].at[SIM_FIBRES + (p - places)];
}

static struct store *latest(struct place *p)
{
    return &p->stores[p->last % KEPT];
}

/* Looks a place up, lets others run, and makes its list of stores fit for use. */
static struct place *approach(const void *address, uint32_t size)
{
    struct place *p = find(address, size);
    if (p->run != run) {
        p->run = run;
        p->last = 0;
        p->owner = -1;
    }
    if (sim_alive > 1 && p->owner != sim_current) {
        if (p->owner >= 0 && !p->shared)
            p->shared = grown = true;
        p->owner = (int8_t)sim_current;
    }
    /* A schedule is replayed without those before it, which knew of more places that are shared. */
    sim_point(p->shared || sim_search_replays());
    sim_check_freed(address);
    sim_check_made(address, __builtin_return_address(0));
    uint64_t value = read_memory(p);
    if (p->last == 0 || latest(p)->value != value) {
        p->last++;
        *latest(p) = (struct store){.value = value};
        for (int i = 0; i < SIM_FIBRES && p->last > 1; i++)
            now[i].at[SIM_FIBRES + (p - places)] = p->last;
    }
    return p;
}

/* Keeps a copy of a view for a store. */
static void attach(struct store *s, const struct view *v)
{
    s->width = used_width();
    if (pooled + s->width > POOL)
        sim_fail("the schedule makes too many stores");
    memcpy(pool + pooled, v->at, s->width * sizeof v->at[0]);
    s->view = pool + pooled;
    pooled += s->width;
}

static void learn(const struct store *s, bool acquire)
{
    if (!s->view)
        return;
    join((acquire ? &now[sim_current] : &pending[sim_current])->at, s->view, 0, s->width);
    has_pending[sim_current] |= !acquire;
}

static void append(struct place *p, uint64_t value, bool release)
{
    if (p->last == INT16_MAX)
        sim_fail("the schedule makes too many stores to one place");
    p->last++;
    *known(p) = p->last;
    struct store *s = latest(p);
    *s = (struct store){.value = value};
    if (release) {
        attach(s, &now[sim_current]);
        tick();
    } else if (has_fenced[sim_current]) {
        attach(s, &fenced[sim_current]);
    }
    if (p->size == sizeof(uint32_t))
        *(uint32_t *)(uintptr_t)p->address = (uint32_t)value;
    else
        *(uint64_t *)(uintptr_t)p->address = value;
    sim_note_write();
}

uint64_t takt__sim_load(const void *address, uint32_t size, enum takt__sim_order order,
                        const struct takt__site *site)
{
    struct place *p = approach(address, size);
    int16_t *seen = known(p);
    int least = p->last - (KEPT - 1);
    if (least < *seen)
        least = *seen;
    if (least < 1)
        least = 1;
    uint32_t back = 0;
    if (least < p->last && !strong_memory)
        back = sim_choose_store((uint32_t)(p->last - least + 1));
    int16_t found = (int16_t)(p->last - (int)back);
    const struct store *s = &p->stores[found % KEPT];
    *seen = found;
    learn(s, order == TAKT__SIM_ORDERED);
    sim_note_read();
    if (sim_tracing)
        sim_trace(order == TAKT__SIM_ORDERED ? "load acquire" : "load relaxed", site, address,
                  back ? "%lld, %u stores old" : "%lld", (long long)s->value, back);
    return s->value;
}

void takt__sim_store(void *address, uint32_t size, uint64_t value, enum takt__sim_order order,
                     const struct takt__site *site)
{
    struct place *p = approach(address, size);
    append(p, value, order == TAKT__SIM_ORDERED);
    if (sim_tracing)
        sim_trace(order == TAKT__SIM_ORDERED ? "store release" : "store relaxed", site, address,
                  "%lld", (long long)value);
}

/* What a read-modify-write finds: the latest store. */
static uint64_t find_latest(struct place *p, enum takt__sim_order order)
{
    *known(p) = p->last;
    learn(latest(p), order == TAKT__SIM_ORDERED);
    return latest(p)->value;
}

/*
 * What it stores. As it continues a release sequence, an acquire load that finds it learns what was
 * to be learnt from the store before it; of its writer, if it is relaxed, nothing.
 */
static void replace_latest(struct place *p, uint64_t value, enum takt__sim_order order)
{
    struct store before = *latest(p);
    append(p, value, order == TAKT__SIM_ORDERED);
    struct store *s = latest(p);
    if (order == TAKT__SIM_ORDERED || !before.view)
        return; /* its writer has learnt that before */
    if (s->view)
        join(pool + (s->view - pool), before.view, 0, before.width);
    else
        *s = (struct store){value, before.view, before.width};
}

bool takt__sim_swap(void *address, uint32_t size, uint64_t from, uint64_t to,
                    enum takt__sim_order order, const struct takt__site *site)
{
    struct place *p = approach(address, size);
    uint64_t value = find_latest(p, order);
    bool done = value == from;
    if (done)
        replace_latest(p, to, order);
    else
        sim_note_read();
    if (sim_tracing)
        sim_trace(order == TAKT__SIM_ORDERED ? "swap" : "swap relaxed", site, address,
                  done ? "%lld -> %lld" : "%lld, not %lld", (long long)value,
                  (long long)(done ? to : from));
    return done;
}

uint64_t takt__sim_add(void *address, uint32_t size, uint64_t value, enum takt__sim_order order,
                       const struct takt__site *site)
{
    struct place *p = approach(address, size);
    uint64_t before = find_latest(p, order), sum = before + value;
    replace_latest(p, size == sizeof(uint32_t) ? (uint32_t)sum : sum, order);
    if (sim_tracing)
        sim_trace(order == TAKT__SIM_ORDERED ? "add" : "add relaxed", site, address, "%lld -> %lld",
                  (long long)before, (long long)latest(p)->value);
    return before;
}

/* A full fence of one fibre; the second half of it by `publish`. */
static void fence(int fibre)
{
    if (has_pending[fibre])
        join(now[fibre].at, pending[fibre].at, 0, used_width());
    join_places(&now[fibre], &fences);
}

static void remember_fence(int fibre)
{
    memcpy(fenced[fibre].at, now[fibre].at, used_width() * sizeof now[0].at[0]);
    has_fenced[fibre] = true;
    now[fibre].at[fibre]++;
}

void takt__sim_fence(const struct takt__site *site)
{
    sim_point(true);
    fence(sim_current);
    join_places(&fences, &now[sim_current]);
    remember_fence(sim_current);
    if (sim_tracing)
        sim_trace("fence", site, NULL, "full");
}

void sim_fence_everywhere(void)
{
    fence(sim_current);
    join_places(&fences, &now[sim_current]);
    /* Each of the others sees what the caller has seen, and not yet what the others have. */
    for (int i = 0; i < SIM_FIBRES; i++) {
        if (i != sim_current && now[i].at[i] > 0) {
            fence(i);
            remember_fence(i);
        }
    }
    for (int i = 0; i < SIM_FIBRES; i++)
        if (i != sim_current && now[i].at[i] > 0)
            join_places(&fences, &now[i]);
    fence(sim_current);
    remember_fence(sim_current);
}
