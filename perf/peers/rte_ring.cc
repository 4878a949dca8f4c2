/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_ring.
 *
 * A ring needs nothing of DPDK's environment: rte_ring_init makes one in memory of ours, so that
 * neither privileges nor reserved huge pages are asked for. The memory lies in transparent huge
 * pages, where DPDK's own would be.
 *
 * Settings, after the Ring Library chapter of its programmer's guide: single-producer and
 * single-consumer flags; elements of the event's size; the zero-copy burst calls of
 * rte_ring_peek_zc.h, which write and read the events where they lie; for several producers the
 * bulk call (those calls are not for them), in the relaxed-tail mode (RTS) when there are more
 * threads than cores, which is what the guide advises for that, else in the default mode.
 */
#include <cstdint>

#include <rte_errno.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "memory.h"
#include "queue.h"

namespace perf::dpdk
{

static huge_block make_ring(uint32_t capacity, unsigned element, unsigned flags)
{
    ssize_t size = rte_ring_get_memsize_elem(element, capacity);
    if (size < 0)
        throw std::bad_alloc();
    huge_block memory = make_huge_block(static_cast<std::size_t>(size));
    if (rte_ring_init(static_cast<rte_ring *>(memory.get()), "takt-perf", capacity, flags))
        throw std::bad_alloc();
    return memory;
}

template <class T, bool many> struct queue {
    static constexpr std::size_t burst = most_at_once<T>;

    huge_block memory;
    rte_ring *ring;

    static unsigned flags(bool crowded)
    {
        unsigned producer = !many ? RING_F_SP_ENQ : crowded ? RING_F_MP_RTS_ENQ : 0;
        return producer | RING_F_SC_DEQ;
    }
    explicit queue(const plan &plan)
        : memory(make_ring(plan.capacity, sizeof(T), flags(plan.crowded))),
          ring(static_cast<rte_ring *>(memory.get()))
    {
    }

    struct in {
        rte_ring *ring;
        explicit in(queue &q) : ring(q.ring)
        {
        }
        template <class Fill> void put(uint32_t n, Fill fill, patience &p)
        {
            if constexpr (many)
                put_copies(n, fill, p);
            else
                put_in_place(n, fill, p);
        }

      private:
        template <class Fill> void put_in_place(uint32_t n, Fill fill, patience &p)
        {
            for (uint32_t from = 0; from < n;) {
                rte_ring_zc_data room;
                unsigned got =
                    rte_ring_enqueue_zc_burst_elem_start(ring, sizeof(T), n - from, &room, nullptr);
                if (got == 0) {
                    p.wait();
                    continue;
                }
                T *first = static_cast<T *>(room.ptr1), *second = static_cast<T *>(room.ptr2);
                for (unsigned k = 0; k < room.n1; k++)
                    fill(first[k], from + k);
                for (unsigned k = room.n1; k < got; k++)
                    fill(second[k - room.n1], from + k);
                rte_ring_enqueue_zc_elem_finish(ring, got);
                p.met();
                from += got;
            }
        }
        template <class Fill> void put_copies(uint32_t n, Fill fill, patience &p)
        {
            T events[burst];
            for (uint32_t from = 0; from < n;) {
                unsigned some = std::min<unsigned>(n - from, burst), gone = 0;
                for (unsigned k = 0; k < some; k++)
                    fill(events[k], from + k);
                while (gone < some) {
                    unsigned went = rte_ring_enqueue_burst_elem(ring, events + gone, sizeof(T),
                                                                some - gone, nullptr);
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
        rte_ring *ring;
        explicit out(queue &q) : ring(q.ring)
        {
        }
        template <class Each> std::size_t each(const Each &use)
        {
            rte_ring_zc_data there;
            unsigned got =
                rte_ring_dequeue_zc_burst_elem_start(ring, sizeof(T), burst, &there, nullptr);
            if (got == 0)
                return 0;
            const T *first = static_cast<T *>(there.ptr1), *second = static_cast<T *>(there.ptr2);
            for (unsigned k = 0; k < there.n1; k++)
                use(first[k]);
            for (unsigned k = there.n1; k < got; k++)
                use(second[k - there.n1]);
            rte_ring_dequeue_zc_elem_finish(ring, got);
            return got;
        }
        std::size_t take(T *to, std::size_t most)
        {
            return rte_ring_sc_dequeue_burst_elem(ring, to, sizeof(T), static_cast<unsigned>(most),
                                                  nullptr);
        }
    };
};

static const perf_system dpdk_ring = {
    .name = "rte_ring",
    .about = "DPDK " PEER_VERSION " rte_ring, in memory of ours, without its environment",
    .peer = true,
    .can = can_all<queue>,
    .run = run_all<queue>,
};
PERF_SYSTEM(dpdk_ring)

} // namespace perf::dpdk
