/* SPDX-License-Identifier: MIT */
/*
 * Boost.Lockfree's spsc_queue.
 *
 * Settings, after its documentation ("Single-Producer/Single-Consumer Queue", and the notes on
 * performance there): the capacity is a template argument, so that the elements lie in the object
 * and indices wrap by a constant; consume_all for the consumer, which reads both indices once for
 * all the events that are there and uses them where they lie; push of a range for batches, pop to
 * an array in the stages of a pipeline. The object lies in huge pages.
 */
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>

#include "capacity.h"
#include "memory.h"
#include "queue.h"

namespace perf::boost_spsc
{

template <std::size_t slots> struct of {
    template <class T, bool> struct queue {
        /* One slot stays empty, in a ring of slots. */
        using type = boost::lockfree::spsc_queue<T, boost::lockfree::capacity<slots - 1>>;
        static constexpr std::size_t burst = most_at_once<T>;

        huge_ptr<type> ring = make_huge<type>();

        explicit queue(const plan &)
        {
        }

        struct in {
            type &ring;
            explicit in(queue &q) : ring(*q.ring)
            {
            }
            template <class Fill> void put(uint32_t n, Fill fill, patience &p)
            {
                if (n == 1) {
                    T event;
                    fill(event, 0);
                    while (!ring.push(event))
                        p.wait();
                    p.met();
                    return;
                }
                T events[most_at_once<T>];
                for (uint32_t from = 0; from < n;) {
                    uint32_t some = std::min<uint32_t>(n - from, most_at_once<T>);
                    for (uint32_t k = 0; k < some; k++)
                        fill(events[k], from + k);
                    for (std::size_t gone = 0; gone < some;) {
                        std::size_t went = ring.push(events + gone, some - gone);
                        if (went == 0)
                            p.wait();
                        gone += went;
                    }
                    p.met();
                    from += some;
                }
            }
        };

        struct out {
            type &ring;
            explicit out(queue &q) : ring(*q.ring)
            {
            }
            template <class Each> std::size_t each(const Each &use)
            {
                return ring.consume_all(use);
            }
            std::size_t take(T *to, std::size_t most)
            {
                return ring.pop(to, most);
            }
        };
    };
};

static int run(const perf_case *what, perf_run *run)
{
    return with_capacity(what->capacity, [&](auto slots) {
        return run_single<of<slots>::template queue>(what, run);
    });
}

static bool can(const perf_case *what)
{
    return known_capacity(what->capacity) && can_single<of<1024>::queue>(what);
}

static const perf_system boost_spsc = {
    .name = "boost-spsc",
    .about = "Boost.Lockfree spsc_queue, Boost " BOOST_LIB_VERSION,
    .peer = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(boost_spsc)

} // namespace perf::boost_spsc
