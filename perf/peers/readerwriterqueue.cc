/* SPDX-License-Identifier: MIT */
/*
 * moodycamel's ReaderWriterQueue.
 *
 * Settings, after its README and the comments of its header: room for all events is made by the
 * constructor and try_enqueue never allocates, so that nothing is allocated while it is measured;
 * larger events are read where they lie, by peek and pop, small ones by try_dequeue. There is no
 * call for a batch.
 */
#include <readerwriterqueue/readerwriterqueue.h>

#include "queue.h"

namespace perf::readerwriter
{

template <class T, bool> struct queue {
    static constexpr std::size_t burst = 32;
    static constexpr std::size_t block = 512;

    moodycamel::ReaderWriterQueue<T, block> ring;

    /* The constructor takes the memory but does not touch it: it is filled and emptied once. */
    explicit queue(const plan &plan) : ring(plan.capacity)
    {
        T event{};
        while (ring.try_enqueue(event)) {
        }
        while (ring.pop()) {
        }
    }

    struct in {
        queue &q;
        explicit in(queue &to) : q(to)
        {
        }
        template <class Fill> void put(uint32_t n, Fill fill, patience &p)
        {
            for (uint32_t k = 0; k < n; k++) {
                T event;
                fill(event, k);
                while (!q.ring.try_enqueue(event))
                    p.wait();
                p.met();
            }
        }
    };

    struct out {
        queue &q;
        explicit out(queue &from) : q(from)
        {
        }
        template <class Each> std::size_t each(const Each &use)
        {
            if constexpr (sizeof(T) > 32) {
                const T *event = q.ring.peek();
                if (!event)
                    return 0;
                use(*event);
                q.ring.pop();
            } else {
                T event;
                if (!q.ring.try_dequeue(event))
                    return 0;
                use(event);
            }
            return 1;
        }
        std::size_t take(T *to, std::size_t most)
        {
            std::size_t had = 0;
            while (had < most && q.ring.try_dequeue(to[had]))
                had++;
            return had;
        }
    };
};

static const perf_system readerwriterqueue = {
    .name = "readerwriterqueue",
    .about = "moodycamel::ReaderWriterQueue " PEER_VERSION,
    .peer = true,
    .can = can_single<queue>,
    .run = run_single<queue>,
};
PERF_SYSTEM(readerwriterqueue)

} // namespace perf::readerwriter
