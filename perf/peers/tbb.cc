/* SPDX-License-Identifier: MIT */
/*
 * oneTBB's parallel_pipeline, one event per token and 64 events per token.
 *
 * Settings, after the parallel_pipeline chapter of its developer guide: filters that need no order
 * are parallel, the source and the last are serial_in_order; tokens are pointers into a ring of as
 * many buffers as tokens may be alive, which is safe because the last filter retires them in order;
 * a small multiple of the threads as that number. The threads are oneTBB's, as many as cores, the
 * caller among them; they are awake before the time is taken. The guide also wants enough work in
 * each filter to pay for its scheduling: hence the second system, which batches by hand.
 *
 * A chain is told to a pipeline as any stages are: the producer is its source.
 */
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include "bench.h"
#include "crew.h"
#include "work.h"

namespace perf::flow
{

constexpr int tokens_per_thread = 4;

/* A token, in cache lines of its own. */
template <class T, std::size_t many> struct alignas(128) token {
    std::size_t count;
    T event[many];
};

template <class T, std::size_t many> class line
{
    using carried = token<T, many>;
    const perf_case *what;
    perf_run *run;

    /* Has every thread of the arena do something, so that none is started later. */
    static void wake(tbb::task_arena &arena, int threads)
    {
        std::atomic<int> here{0};
        arena.execute([&] {
            tbb::parallel_for(
                0, threads,
                [&](int) {
                    here++;
                    int64_t until = perf_now() + 100000000;
                    while (here < threads && perf_now() < until)
                        sched_yield();
                },
                tbb::simple_partitioner());
        });
    }

  public:
    line(const perf_case *the_case, perf_run *the_run) : what(the_case), run(the_run)
    {
    }

    /* A filter between the first and the last: work(event) in any order. */
    template <class Work> static auto stage(Work work)
    {
        return tbb::make_filter<carried *, carried *>(tbb::filter_mode::parallel,
                                                      [work](carried *t) {
                                                          for (std::size_t k = 0; k < t->count; k++)
                                                              work(t->event[k]);
                                                          return t;
                                                      });
    }

    /* fill(event, number) at the start and last(event) at the end, each in order. */
    template <class Fill, class Middle, class Last> void flow(Fill fill, Middle middle, Last last)
    {
        const int threads = crew::cores(what);
        tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(threads));
        tbb::task_arena arena(threads);
        const std::size_t tokens = static_cast<std::size_t>(threads * tokens_per_thread);
        std::vector<carried> ring(tokens);
        const uint64_t events = what->events;
        uint64_t next = 0;
        std::size_t turn = 0;

        auto source = tbb::make_filter<void, carried *>(
            tbb::filter_mode::serial_in_order, [&](tbb::flow_control &control) -> carried * {
                if (next == events) {
                    control.stop();
                    return nullptr;
                }
                carried *t = &ring[turn];
                turn = turn + 1 == tokens ? 0 : turn + 1;
                t->count = static_cast<std::size_t>(std::min<uint64_t>(many, events - next));
                for (std::size_t k = 0; k < t->count; k++)
                    fill(t->event[k], next++);
                return t;
            });
        auto sink =
            tbb::make_filter<carried *, void>(tbb::filter_mode::serial_in_order, [&](carried *t) {
                for (std::size_t k = 0; k < t->count; k++)
                    last(t->event[k]);
            });
        auto all = source & middle & sink;

        wake(arena, threads);
        perf_begin(run);
        arena.execute([&] { tbb::parallel_pipeline(tokens, all); });
        perf_end(run);
    }
};

template <std::size_t many> void pipeline(const perf_case *what, perf_run *run)
{
    using flow = line<perf_steps, many>;
    uint64_t count = 0;
    flow(what, run).flow([](perf_steps &e, uint64_t i) { perf_steps_fill(&e, i); },
                         flow::stage([](perf_steps &e) { perf_steps_first(&e); }) &
                             flow::stage([](perf_steps &e) { perf_steps_second(&e); }),
                         [&](const perf_steps &e) { count = perf_steps_third(count, &e); });
    run->checksum = count;
}

/* The four stages; `of(event)` are the words they work on. */
template <class Flow, class T, class Of> auto four(const perf_case *what, Of of)
{
    auto stage = [what, of](int k) {
        return Flow::stage([what, of, k](T &e) {
            perf_stages &words = of(e);
            perf_stage(&words, k, perf_cost(what, k, words.input));
        });
    };
    return stage(0) & stage(1) & stage(2) & stage(3);
}

template <std::size_t many> void stages(const perf_case *what, perf_run *run)
{
    using flow = line<perf_stages, many>;
    uint64_t result = 0;
    flow(what, run).flow(
        [](perf_stages &e, uint64_t i) { e.input = i; },
        four<flow, perf_stages>(what, [](perf_stages &e) -> perf_stages & { return e; }),
        [&](const perf_stages &e) { result = perf_order(result, e.word[3]); });
    run->checksum = result;
}

/* An event is sent when it is due, not when its token is full: one event per token only. */
void chain(const perf_case *what, perf_run *run)
{
    using flow = line<perf_chain, 1>;
    uint64_t result = 0;
    int64_t start = 0;
    flow(what, run).flow(
        [&](perf_chain &e, uint64_t i) {
            if (i == 0)
                start = perf_now();
            e.due = perf_due(what, start, i);
            e.stages.input = i;
        },
        four<flow, perf_chain>(what, [](perf_chain &e) -> perf_stages & { return e.stages; }),
        [&](const perf_chain &e) {
            perf_latency(run, perf_now() - e.due);
            result = perf_order(result, e.stages.word[3]);
        });
    run->checksum = result;
}

template <std::size_t many> bool can(const perf_case *what)
{
    return what->shape == PERF_PIPELINE || what->shape == PERF_STAGES ||
           (what->shape == PERF_CHAIN && many == 1);
}

template <std::size_t many> int go(const perf_case *what, perf_run *run) noexcept
try {
    switch (what->shape) {
    case PERF_PIPELINE: pipeline<many>(what, run); break;
    case PERF_STAGES: stages<many>(what, run); break;
    case PERF_CHAIN: chain(what, run); break;
    default: return -EINVAL;
    }
    return 0;
} catch (const std::bad_alloc &) {
    return -ENOMEM;
} catch (...) {
    return -EAGAIN;
}

static const perf_system tbb_1 = {
    .name = "tbb",
    .about = "oneTBB " PEER_VERSION " parallel_pipeline, one event per token",
    .peer = true,
    .can = can<1>,
    .run = go<1>,
};
PERF_SYSTEM(tbb_1)

static const perf_system tbb_64 = {
    .name = "tbb-64",
    .about = "oneTBB " PEER_VERSION " parallel_pipeline, 64 events per token",
    .peer = true,
    .can = can<64>,
    .run = go<64>,
};
PERF_SYSTEM(tbb_64)

} // namespace perf::flow
