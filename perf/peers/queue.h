/* SPDX-License-Identifier: MIT */
/*
 * The shapes of bench.h on queues that carry events by value. A peer's file says what its queue can
 * do (below); what threads do with it is here, the same for all.
 *
 * A queue is a class template over the event and whether it has several producers:
 *
 *     template <class T, bool many> struct queue {
 *         static constexpr size_t burst;   how many events take() should be asked for
 *         queue(const plan &);
 *         struct in {                      one for each producer
 *             in(queue &);
 *             void put(uint32_t n, Fill fill, patience &p);
 *                                          adds n events, event k made by fill(T &, k)
 *         };
 *         struct out {
 *             out(queue &);
 *             size_t each(Each use);       calls use(const T &) for some events and removes them;
 *                                          the number, 0 if there was none
 *             size_t take(T *to, size_t most);   the same, moved to an array
 *         };
 *     };
 *
 * It must not be in an unnamed namespace: gcc 12 gives what is instantiated over such a template a
 * name that other files share, and the linker then keeps one peer's code for all.
 *
 * put writes into the queue's own slots where the queue lets its user do so, and hands over n
 * events at once where it has a call for that. each uses them where they lie, if it may.
 *
 * Multicast is a queue for each consumer. In a pipeline the event travels from queue to queue. In
 * the diamond only what a consumer needs travels: the number to the first two, one word from each
 * of these to the third, as in LMAX's own comparison with queues.
 */
#ifndef TAKT_PERF_PEERS_QUEUE_H
#define TAKT_PERF_PEERS_QUEUE_H

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include "bench.h"
#include "crew.h"
#include "work.h"

namespace perf
{

/* What a queue is told when it is made. */
struct plan {
    uint32_t capacity;
    unsigned producers;
    bool crowded; /* more threads than cores */
};

template <uint32_t words> struct event {
    uint64_t word[words];
};

/* How many events a queue that copies should be asked for at once: what fits the first cache. */
template <class T>
constexpr std::size_t
    most_at_once = std::max<std::size_t>(8, std::min<std::size_t>(128, 16384 / sizeof(T)));

/* What several consumers add up, each once at its end. */
class total
{
    std::atomic<uint64_t> sum{0};

  public:
    void add(uint64_t part)
    {
        sum.fetch_add(part);
    }
    uint64_t get() const
    {
        return sum.load();
    }
};

/* Runs use(event) until `count` events were had. */
template <class Out, class Use> void drain(Out &out, uint64_t count, patience &p, Use use)
{
    while (count > 0) {
        std::size_t had = out.each(use);
        if (had == 0) {
            p.wait();
        } else {
            p.met();
            count -= had;
        }
    }
}

/* Fills `to` with `count` events, however many calls that takes. */
template <class Out, class T> void gather(Out &out, T *to, std::size_t count, patience &p)
{
    while (count > 0) {
        std::size_t had = out.take(to, count);
        if (had == 0) {
            p.wait();
        } else {
            p.met();
            to += had;
            count -= had;
        }
    }
}

/* Some events, one at least. */
template <class Out, class T> std::size_t some(Out &out, T *to, std::size_t most, patience &p)
{
    std::size_t had;
    while ((had = out.take(to, most)) == 0)
        p.wait();
    p.met();
    return had;
}

template <template <class, bool> class Queue> struct shapes {
    /* Unicast, poller, and sequencer with `many`. */
    template <uint32_t words, bool many>
    static void straight(const perf_case *what, perf_run *run, unsigned producers)
    {
        using queue = Queue<event<words>, many>;
        bool crowded = crew::crowded(what, static_cast<int>(producers) + 1);
        queue ring(plan{what->capacity, producers, crowded});
        uint64_t share = what->events / producers, sum = 0;
        crew threads(what, run);
        for (unsigned p = 0; p < producers; p++)
            threads.add([&, p] {
                typename queue::in in(ring);
                patience wait(crowded);
                const uint32_t batch = what->batch;
                uint64_t i = producers == 1 ? 0 : perf_first_of(what->events, p);
                for (const uint64_t end = i + share; i < end; i += batch)
                    in.put(
                        batch,
                        [i](event<words> &e, uint32_t k) { perf_fill(e.word, words, i + k); },
                        wait);
            });
        threads.add([&] {
            typename queue::out out(ring);
            patience wait(crowded);
            uint64_t result = 0;
            drain(out, what->events, wait,
                  [&result](const event<words> &e) { result = perf_sum(result, e.word, words); });
            sum = result;
        });
        threads.work();
        run->checksum = sum;
    }

    template <uint32_t words> static void pingpong(const perf_case *what, perf_run *run)
    {
        using queue = Queue<event<words>, false>;
        bool crowded = crew::crowded(what, 2);
        const plan one = {what->capacity, 1, crowded};
        queue there(one), back(one);
        uint64_t sum = 0;
        crew threads(what, run);
        threads.add([&] {
            typename queue::in in(there);
            typename queue::out out(back);
            patience wait(crowded, 1);
            uint64_t result = 0;
            const uint64_t events = what->events;
            for (uint64_t i = 0; i < events; i++) {
                in.put(
                    1, [i](event<words> &e, uint32_t) { perf_fill(e.word, words, i); }, wait);
                drain(out, 1, wait, [&result](const event<words> &e) {
                    result = perf_sum(result, e.word, words);
                });
            }
            sum = result;
        });
        threads.add([&] {
            typename queue::out out(there);
            typename queue::in in(back);
            patience wait(crowded, 1);
            uint64_t answer = 0;
            const uint64_t events = what->events;
            for (uint64_t i = 0; i < events; i++) {
                drain(out, 1, wait,
                      [&answer](const event<words> &e) { answer = perf_pong(e.word[0]); });
                in.put(
                    1, [answer](event<words> &e, uint32_t) { perf_fill(e.word, words, answer); },
                    wait);
            }
        });
        threads.work();
        run->checksum = sum;
    }

    static void multicast(const perf_case *what, perf_run *run)
    {
        using queue = Queue<event<1>, false>;
        bool crowded = crew::crowded(what, 4);
        const plan each = {what->capacity, 1, crowded};
        queue ring[3] = {queue(each), queue(each), queue(each)};
        total sum;
        crew threads(what, run);
        threads.add([&] {
            using end = typename queue::in;
            end in[3] = {end(ring[0]), end(ring[1]), end(ring[2])};
            patience wait(crowded);
            const uint32_t batch = what->batch;
            const uint64_t events = what->events;
            for (uint64_t i = 0; i < events; i += batch)
                for (end &one : in)
                    one.put(
                        batch, [i](event<1> &e, uint32_t k) { e.word[0] = i + k; }, wait);
        });
        for (int c = 0; c < 3; c++)
            threads.add([&, c] {
                typename queue::out out(ring[c]);
                patience wait(crowded);
                uint64_t result = 0;
                drain(out, what->events, wait, [&result, c](const event<1> &e) {
                    result = perf_multicast(c, result, e.word[0]);
                });
                sum.add(result);
            });
        threads.work();
        run->checksum = sum.get();
    }

    /* Takes events from one queue, works on them, and puts them on the next. */
    template <class Q, class T, class Work>
    static void pass(Q &from, Q &to, uint64_t count, bool crowded, Work work)
    {
        typename Q::out out(from);
        typename Q::in in(to);
        patience wait(crowded);
        T held[Q::burst];
        while (count > 0) {
            std::size_t had = some(out, held, Q::burst, wait);
            for (std::size_t k = 0; k < had; k++)
                work(held[k]);
            in.put(
                static_cast<uint32_t>(had), [&held](T &e, uint32_t k) { e = held[k]; }, wait);
            count -= had;
        }
    }

    static void pipeline(const perf_case *what, perf_run *run)
    {
        using queue = Queue<perf_steps, false>;
        bool crowded = crew::crowded(what, 4);
        const plan each = {what->capacity, 1, crowded};
        queue ring[3] = {queue(each), queue(each), queue(each)};
        uint64_t sum = 0;
        crew threads(what, run);
        threads.add([&] {
            typename queue::in in(ring[0]);
            patience wait(crowded);
            const uint32_t batch = what->batch;
            const uint64_t events = what->events;
            for (uint64_t i = 0; i < events; i += batch)
                in.put(
                    batch, [i](perf_steps &e, uint32_t k) { perf_steps_fill(&e, i + k); }, wait);
        });
        threads.add([&] {
            pass<queue, perf_steps>(ring[0], ring[1], what->events, crowded,
                                    [](perf_steps &e) { perf_steps_first(&e); });
        });
        threads.add([&] {
            pass<queue, perf_steps>(ring[1], ring[2], what->events, crowded,
                                    [](perf_steps &e) { perf_steps_second(&e); });
        });
        threads.add([&] {
            typename queue::out out(ring[2]);
            patience wait(crowded);
            uint64_t result = 0;
            drain(out, what->events, wait,
                  [&result](const perf_steps &e) { result = perf_steps_third(result, &e); });
            sum = result;
        });
        threads.work();
        run->checksum = sum;
    }

    /* The third consumer of the diamond: the same number of words from either side. */
    template <class Q> static uint64_t join(Q &left, Q &right, uint64_t count, bool crowded)
    {
        typename Q::out fizz(left), buzz(right);
        patience wait(crowded);
        event<1> one[Q::burst], two[Q::burst];
        uint64_t result = 0;
        while (count > 0) {
            std::size_t had = some(fizz, one, Q::burst, wait);
            gather(buzz, two, had, wait);
            for (std::size_t k = 0; k < had; k++) {
                struct perf_fizzbuzz both = {0, one[k].word[0], two[k].word[0]};
                result = perf_fizzbuzz(result, &both);
            }
            count -= had;
        }
        return result;
    }

    static void diamond(const perf_case *what, perf_run *run)
    {
        using queue = Queue<event<1>, false>;
        bool crowded = crew::crowded(what, 4);
        const plan each = {what->capacity, 1, crowded};
        queue ring[4] = {queue(each), queue(each), queue(each), queue(each)};
        uint64_t sum = 0;
        crew threads(what, run);
        threads.add([&] {
            using end = typename queue::in;
            end in[2] = {end(ring[0]), end(ring[1])};
            patience wait(crowded);
            const uint32_t batch = what->batch;
            const uint64_t events = what->events;
            for (uint64_t i = 0; i < events; i += batch)
                for (end &one : in)
                    one.put(
                        batch, [i](event<1> &e, uint32_t k) { e.word[0] = i + k; }, wait);
        });
        threads.add([&] {
            pass<queue, event<1>>(ring[0], ring[2], what->events, crowded, [](event<1> &e) {
                struct perf_fizzbuzz number = {e.word[0], 0, 0};
                perf_fizz(&number);
                e.word[0] = number.fizz;
            });
        });
        threads.add([&] {
            pass<queue, event<1>>(ring[1], ring[3], what->events, crowded, [](event<1> &e) {
                struct perf_fizzbuzz number = {e.word[0], 0, 0};
                perf_buzz(&number);
                e.word[0] = number.buzz;
            });
        });
        threads.add([&] { sum = join(ring[2], ring[3], what->events, crowded); });
        threads.work();
        run->checksum = sum;
    }

    static bool known_size(const perf_case *what)
    {
        return what->event_size == 8 || what->event_size == 64 || what->event_size == 1024;
    }

    template <bool many>
    static void straight_of_size(const perf_case *what, perf_run *run, unsigned producers)
    {
        switch (what->event_size) {
        case 8: straight<1, many>(what, run, producers); break;
        case 64: straight<8, many>(what, run, producers); break;
        default: straight<128, many>(what, run, producers); break;
        }
    }
};

/* The functions of a struct perf_system whose queue is for one producer, */
template <template <class, bool> class Queue> bool can_single(const perf_case *what)
{
    switch (what->shape) {
    case PERF_UNICAST:
    case PERF_POLLER: return shapes<Queue>::known_size(what);
    case PERF_PINGPONG: return what->event_size == 8;
    case PERF_MULTICAST:
    case PERF_PIPELINE:
    case PERF_DIAMOND: return true;
    default: return false;
    }
}

template <template <class, bool> class Queue>
int run_single(const perf_case *what, perf_run *run) noexcept
try {
    switch (what->shape) {
    case PERF_UNICAST:
    case PERF_POLLER: shapes<Queue>::template straight_of_size<false>(what, run, 1); break;
    case PERF_PINGPONG: shapes<Queue>::template pingpong<1>(what, run); break;
    case PERF_MULTICAST: shapes<Queue>::multicast(what, run); break;
    case PERF_PIPELINE: shapes<Queue>::pipeline(what, run); break;
    case PERF_DIAMOND: shapes<Queue>::diamond(what, run); break;
    default: return -EINVAL;
    }
    return 0;
} catch (const std::bad_alloc &) {
    return -ENOMEM;
} catch (...) {
    return -EAGAIN; /* no thread, no barrier */
}

/* and of one that has a kind for several too. */
template <template <class, bool> class Queue> bool can_all(const perf_case *what)
{
    if (what->shape == PERF_SEQUENCER)
        return shapes<Queue>::known_size(what);
    return can_single<Queue>(what);
}

template <template <class, bool> class Queue>
int run_all(const perf_case *what, perf_run *run) noexcept
try {
    if (what->shape != PERF_SEQUENCER)
        return run_single<Queue>(what, run);
    shapes<Queue>::template straight_of_size<true>(what, run, 3);
    return 0;
} catch (const std::bad_alloc &) {
    return -ENOMEM;
} catch (...) {
    return -EAGAIN;
}

} // namespace perf

#endif
