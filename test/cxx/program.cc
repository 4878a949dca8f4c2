/* SPDX-License-Identifier: MIT */
/*
 * takt from C++17, as a program would use it: options are structures that are filled in, handlers
 * are lambdas without captures or static member functions, handles live in unique_ptr. Prints "ok"
 * and ends with 0 if every part has done what it should.
 */
#include <takt/takt.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace
{

struct Destroy {
    void operator()(takt_ring *ring) const
    {
        takt_ring_destroy(ring);
    }
    void operator()(takt_barrier *barrier) const
    {
        takt_barrier_destroy(barrier);
    }
    void operator()(takt_payload *payload) const
    {
        takt_payload_destroy(payload);
    }
    void operator()(takt_pipeline *pipeline) const
    {
        takt_pipeline_destroy(pipeline);
    }
    void operator()(takt_runtime *runtime) const
    {
        takt_runtime_destroy(runtime);
    }
};

template <typename Handle> using Owned = std::unique_ptr<Handle, Destroy>;

int failures;

void check(bool passed, const char *what)
{
    if (!passed) {
        std::printf("failed: %s\n", what);
        failures++;
    }
}

/* Options with their size filled in and everything else zero. */
template <typename Options> Options options()
{
    Options o{};
    o.size = sizeof o;
    return o;
}

Owned<takt_ring> make_ring(std::size_t event_size, bool multi)
{
    auto o = options<takt_ring_options>();
    o.event_size = event_size;
    o.capacity = 256;
    o.multi = multi;
    takt_ring *ring = nullptr;
    check(takt_ring_create(&ring, &o) == 0, "a ring is made");
    return Owned<takt_ring>(ring);
}

struct Tick {
    std::int64_t price;
    std::int64_t twice;
};

constexpr std::int64_t EVENTS = 20000;

/* A ring with two consumers, one after the other, on threads of the library's. */
void ring_and_consumers(bool multi)
{
    auto ring = make_ring(sizeof(Tick), multi);
    takt_consumer *doubler = nullptr;
    takt_consumer *summer = nullptr;
    auto o = options<takt_consumer_options>();
    o.name = "doubler";
    o.handler = [](void *, takt_batch *batch) {
        for (std::uint32_t i = 0; i < batch->count; i++) {
            auto *tick = static_cast<Tick *>(takt_batch_at(batch, i));
            tick->twice = tick->price * 2;
        }
        return 0;
    };
    check(takt_consumer_add(ring.get(), &doubler, &o) == 0, "a consumer is added");

    std::int64_t sum = 0;
    o = options<takt_consumer_options>();
    o.context = &sum;
    o.after = &doubler;
    o.after_count = 1;
    o.wait.kind = TAKT_WAIT_YIELD;
    o.handler = [](void *context, takt_batch *batch) {
        for (std::uint32_t i = 0; i < batch->count; i++)
            *static_cast<std::int64_t *>(context) +=
                static_cast<const Tick *>(takt_batch_at(batch, i))->twice;
        return 0;
    };
    check(takt_consumer_add(ring.get(), &summer, &o) == 0, "a consumer is added after it");
    check(takt_consumer_start(doubler) == 0 && takt_consumer_start(summer) == 0, "they start");
    for (std::int64_t i = 0; i < EVENTS; i++) {
        std::int64_t s = takt_ring_next(ring.get(), 1);
        *static_cast<Tick *>(takt_ring_at(ring.get(), s)) = Tick{i, 0};
        takt_ring_publish(ring.get(), s);
    }
    check(takt_ring_drain(ring.get(), takt_after(10000000000)) == 0, "the ring drains");
    check(sum == EVENTS * (EVENTS - 1), "every event was doubled, then added up");
    takt_consumer_halt(summer);
    takt_consumer_join(summer);
    check(takt_consumer_remove(summer) == 0, "a consumer is removed");
}

/* A sequence barrier, a sequence of our own, and messages of any length beside the slots. */
void barrier_and_payload()
{
    auto ring = make_ring(sizeof(std::int64_t), false);
    takt_sequence done;
    takt_sequence_init(&done, TAKT_SEQUENCE_INITIAL);
    check(takt_ring_add_gating(ring.get(), &done) == 0, "a sequence holds the producer back");
    takt_barrier *barrier = nullptr;
    check(takt_barrier_create(&barrier, ring.get(), nullptr, 0, nullptr) == 0, "a barrier is made");
    Owned<takt_barrier> barrier_owner(barrier);
    auto o = options<takt_payload_options>();
    o.capacity = 4096;
    takt_payload *payload = nullptr;
    check(takt_payload_create(&payload, ring.get(), &o) == 0, "a payload ring is made");
    Owned<takt_payload> payload_owner(payload);

    std::vector<std::string> words{"takt", "", "is the pace of an assembly line"};
    for (const auto &word : words) {
        void *memory = nullptr;
        std::int64_t s = takt_payload_next(payload, word.size(), &memory);
        std::memcpy(memory, word.data(), word.size());
        takt_ring_publish(ring.get(), s);
    }
    check(takt_barrier_wait(barrier, 2, TAKT_FOREVER) == 2, "three messages are there");
    for (std::int64_t s = 0; s <= 2; s++) {
        std::size_t length = 0;
        const auto *text = static_cast<const char *>(takt_payload_at(payload, s, &length));
        check(std::string(text, length) == words[static_cast<std::size_t>(s)], "as it was written");
    }
    takt_sequence_set(&done, 2);
    check(takt_ring_remaining_capacity(ring.get()) == 256, "the slots are free again");
    check(takt_barrier_wait(barrier, 3, takt_after(1000)) == TAKT_ETIMEDOUT, "a wait times out");
    check(std::string(takt_strerror(TAKT_ETIMEDOUT)) == "the deadline has passed", "and says so");
}

/* Counts and adds up; in one shard, so without locks. */
struct Total {
    std::int64_t events = 0;
    std::int64_t sum = 0;

    static int handle(void *context, takt_batch *batch)
    {
        auto *total = static_cast<Total *>(context);
        for (std::uint32_t i = 0; i < batch->count; i++)
            total->sum += static_cast<const Tick *>(takt_batch_at(batch, i))->twice;
        total->events += batch->count;
        return 0;
    }
};

struct Source {
    std::int64_t next = 0;

    static int fill(void *context, takt_batch *batch)
    {
        auto *source = static_cast<Source *>(context);
        std::uint32_t offered = batch->count;
        for (batch->count = 0; batch->count < offered && source->next < EVENTS; batch->count++)
            *static_cast<Tick *>(takt_batch_at(batch, batch->count)) = Tick{source->next++, 0};
        return source->next == EVENTS ? TAKT_END : 0;
    }
};

takt_stage *add_stage(takt_pipeline *pipeline, takt_stage *const *after, takt_handler handler,
                      void *context, std::uint32_t shards_max)
{
    auto o = options<takt_stage_options>();
    o.handler = handler;
    o.context = context;
    o.after = after;
    o.after_count = after ? 1 : 0;
    o.shards_max = shards_max;
    takt_stage *stage = nullptr;
    check(takt_pipeline_add_stage(pipeline, &stage, &o) == 0, "a stage is added");
    return stage;
}

void pipeline()
{
    auto runtime_options = options<takt_runtime_options>();
    runtime_options.workers = 2;
    takt_runtime *runtime = nullptr;
    check(takt_runtime_create(&runtime, &runtime_options) == 0, "a runtime is made");
    Owned<takt_runtime> runtime_owner(runtime);
    auto o = options<takt_pipeline_options>();
    o.event_size = sizeof(Tick);
    o.capacity = 1024;
    takt_pipeline *p = nullptr;
    check(takt_pipeline_create(&p, runtime, &o) == 0, "a pipeline is made");
    Owned<takt_pipeline> pipeline_owner(p);

    Source source;
    Total total;
    auto source_options = options<takt_stage_options>();
    source_options.handler = Source::fill;
    source_options.context = &source;
    check(takt_pipeline_add_source(p, nullptr, &source_options) == 0, "a source is added");
    takt_stage *twice = add_stage(
        p, nullptr,
        [](void *, takt_batch *batch) {
            for (std::uint32_t i = 0; i < batch->count; i++) {
                auto *tick = static_cast<Tick *>(takt_batch_at(batch, i));
                tick->twice = tick->price * 2;
            }
            return 0;
        },
        nullptr, 0);
    add_stage(p, &twice, Total::handle, &total, 1);
    check(takt_pipeline_start(p) == 0, "the pipeline starts");
    check(takt_pipeline_wait(p, takt_after(10000000000)) == 0, "and ends");
    check(total.events == EVENTS && total.sum == EVENTS * (EVENTS - 1), "with every event");
    takt_stage_stats stats;
    takt_stage_get_stats(twice, &stats);
    check(stats.events == EVENTS && stats.backlog == 0, "and says so");
}

} // namespace

int main()
{
    check(takt_version() == TAKT_VERSION, "headers and library are of one version");
    ring_and_consumers(false);
    ring_and_consumers(true);
    barrier_and_payload();
    pipeline();
    if (failures == 0)
        std::puts("ok");
    return failures == 0 ? 0 : 1;
}
