/* SPDX-License-Identifier: MIT */
/*
 * Maxim Egorushkin's atomic_queue.
 *
 * Settings, after its README and what its own benchmark says its author found best: for one
 * producer and one consumer SPSC on, MINIMIZE_CONTENTION off and MAXIMIZE_THROUGHPUT off; for
 * several producers SPSC off and the other two on. AtomicQueue for events of 8 bytes, whose empty
 * element is a value that no event has; AtomicQueue2 for larger ones. The capacity is a template
 * argument and the queue lies in huge pages, as there. try_push and try_pop, because the blocking
 * calls would never give a shared core away. There is no call for a batch.
 */
#include <atomic_queue/atomic_queue.h>

#include "capacity.h"
#include "memory.h"
#include "queue.h"

namespace perf::atomic
{

/* An event of 8 bytes as the atomic element that it is; larger ones as they are. */
template <class T, bool small = sizeof(T) == 8> struct element {
    using type = T;
    template <unsigned slots, bool many>
    using queue = atomic_queue::AtomicQueue2<T, slots, many, many, false, !many>;
};

template <class T> struct element<T, true> {
    using type = uint64_t;
    template <unsigned slots, bool many>
    using queue = atomic_queue::AtomicQueue<uint64_t, slots, UINT64_MAX, many, many, false, !many>;
};

template <std::size_t slots> struct of {
    template <class T, bool many> struct queue {
        using carried = typename element<T>::type;
        using type = typename element<T>::template queue<slots, many>;
        static constexpr std::size_t burst = 32;

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
                for (uint32_t k = 0; k < n; k++) {
                    T event;
                    fill(event, k);
                    while (!ring.try_push(reinterpret_cast<const carried &>(event)))
                        p.wait();
                    p.met();
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
                T event;
                if (take(&event, 1) == 0)
                    return 0;
                use(event);
                return 1;
            }
            std::size_t take(T *to, std::size_t most)
            {
                std::size_t had = 0;
                while (had < most && ring.try_pop(reinterpret_cast<carried &>(to[had])))
                    had++;
                return had;
            }
        };
    };
};

static int run(const perf_case *what, perf_run *run)
{
    return with_capacity(what->capacity,
                         [&](auto slots) { return run_all<of<slots>::template queue>(what, run); });
}

static bool can(const perf_case *what)
{
    return known_capacity(what->capacity) && can_all<of<1024>::queue>(what);
}

static const perf_system atomic_queue_peer = {
    .name = "atomic_queue",
    .about = "atomic_queue " PEER_VERSION ", AtomicQueue and AtomicQueue2",
    .peer = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(atomic_queue_peer)

} // namespace perf::atomic
