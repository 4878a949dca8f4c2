/* SPDX-License-Identifier: MIT */
/*
 * ConcurrencyKit's ck_ring, single and multi producer.
 *
 * Settings, after ck_ring(3) and its regression benchmarks: events by value (what CK_RING_PROTOTYPE
 * is for); a producer reserves a slot, writes the event there and commits it, which saves the copy
 * that ck_ring_enqueue makes; spsc for one producer and mpsc for several. There is no call for a
 * batch. The buffer lies in huge pages, the ring in cache lines of its own.
 *
 * Producers commit in the order in which they reserved, and the commit call spins until it is its
 * turn. With more threads than cores the turn may be that of a thread that has no core, and every
 * event then costs a time slice; so a producer first waits for its turn in our way, which yields.
 */
#include <cstdint>
#include <cstring>

/*
 * The header is C: one of its functions returns `false` where a pointer is meant. A plain zero is
 * both, in C++ too. The typed wrappers convert void pointers as C does, so the functions below call
 * what these wrap.
 */
extern "C" {
#define false 0
#include <ck_ring.h>
#undef false
}

#include "memory.h"
#include "queue.h"

namespace perf::ck
{

template <class T, bool many> struct queue {
    static constexpr std::size_t burst = 32;

    huge_block slots;
    alignas(128) ck_ring ring;

    explicit queue(const plan &plan) : slots(make_huge_block(sizeof(T) * plan.capacity))
    {
        ck_ring_init(&ring, plan.capacity);
    }

    struct in {
        queue &q;
        explicit in(queue &to) : q(to)
        {
        }
        template <class Fill> void put(uint32_t n, Fill fill, patience &p)
        {
            for (uint32_t k = 0; k < n; k++) {
                T *slot;
                unsigned ticket = 0;
                while (!(slot = reserve(&ticket)))
                    p.wait();
                p.met();
                fill(*slot, k);
                if constexpr (many) {
                    while (ck_pr_load_uint(&q.ring.p_tail) != ticket)
                        p.wait();
                    p.met();
                    ck_ring_enqueue_commit_mpsc(&q.ring, ticket);
                } else {
                    ck_ring_enqueue_commit_spsc(&q.ring);
                }
            }
        }

      private:
        T *reserve(unsigned *ticket)
        {
            void *slot;
            if constexpr (many)
                slot =
                    _ck_ring_enqueue_reserve_mp(&q.ring, q.slots.get(), sizeof(T), ticket, nullptr);
            else
                slot = _ck_ring_enqueue_reserve_sp(&q.ring, q.slots.get(), sizeof(T), nullptr);
            (void)ticket;
            return static_cast<T *>(slot);
        }
    };

    struct out {
        queue &q;
        explicit out(queue &from) : q(from)
        {
        }
        template <class Each> std::size_t each(const Each &use)
        {
            T event;
            if (!_ck_ring_dequeue_sc(&q.ring, q.slots.get(), &event, sizeof(T)))
                return 0;
            use(event);
            return 1;
        }
        std::size_t take(T *to, std::size_t most)
        {
            std::size_t had = 0;
            while (had < most && _ck_ring_dequeue_sc(&q.ring, q.slots.get(), to + had, sizeof(T)))
                had++;
            return had;
        }
    };
};

static const perf_system ck_ring_peer = {
    .name = "ck_ring",
    .about = "ConcurrencyKit " PEER_VERSION " ck_ring, spsc and mpsc",
    .peer = true,
    .can = can_all<queue>,
    .run = run_all<queue>,
};
PERF_SYSTEM(ck_ring_peer)

} // namespace perf::ck
