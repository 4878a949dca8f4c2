/* SPDX-License-Identifier: MIT */
/*
 * moodycamel's ConcurrentQueue, which is for any number of producers and consumers.
 *
 * Settings, after its README ("Preallocation", "Bulk operations", "Tokens") and the comments of its
 * traits: a token for each producer and a consumer token; bulk operations wherever there can be
 * more than one event; dequeuing from the producer's own token where there is but one; the blocks
 * of all events made by the constructor, and try_enqueue, which never allocates; an index large
 * enough for these blocks. Its memory lies in huge pages.
 */
#include <atomic>
#include <vector>

#include <concurrentqueue/concurrentqueue.h>

#include "memory.h"
#include "queue.h"

namespace perf::concurrent
{

template <bool many> struct traits : moodycamel::ConcurrentQueueDefaultTraits {
    /* Larger than the default, as its comment advises for few producers and many elements. */
    static const size_t BLOCK_SIZE = 256;
    static const size_t EXPLICIT_INITIAL_INDEX_SIZE = 512;
    /* Else one of several producers could take the blocks of the others for good. */
    static const size_t MAX_SUBQUEUE_SIZE = many ? 16384 : size_t{1} << 40;

    static void *malloc(size_t size)
    {
        return size < huge_page / 8 ? std::malloc(size) : huge_malloc(size);
    }
    static void free(void *memory)
    {
        std::free(memory);
    }
};

template <class T, bool many> struct queue {
    using its = traits<many>;
    using type = moodycamel::ConcurrentQueue<T, its>;
    static constexpr std::size_t burst = most_at_once<T>;

    type ring;
    std::vector<moodycamel::ProducerToken> tokens;
    std::atomic<unsigned> given{0};

    static std::size_t room(uint32_t capacity)
    {
        return many ? 3 * (its::MAX_SUBQUEUE_SIZE + its::BLOCK_SIZE) : capacity;
    }
    explicit queue(const plan &plan) : ring(room(plan.capacity))
    {
        for (unsigned i = 0; i < plan.producers; i++)
            tokens.emplace_back(ring);
    }

    struct in {
        type &ring;
        moodycamel::ProducerToken &token;
        explicit in(queue &to) : ring(to.ring), token(to.tokens[to.given++])
        {
        }
        template <class Fill> void put(uint32_t n, Fill fill, patience &p)
        {
            if (n == 1) {
                T event;
                fill(event, 0);
                while (!ring.try_enqueue(token, event))
                    p.wait();
                p.met();
                return;
            }
            T events[burst];
            for (uint32_t from = 0; from < n;) {
                uint32_t some = std::min<uint32_t>(n - from, burst);
                for (uint32_t k = 0; k < some; k++)
                    fill(events[k], from + k);
                while (!ring.try_enqueue_bulk(token, events, some))
                    p.wait();
                p.met();
                from += some;
            }
        }
    };

    struct out {
        type &ring;
        moodycamel::ProducerToken &producer;
        moodycamel::ConsumerToken token;
        T events[burst];

        explicit out(queue &from) : ring(from.ring), producer(from.tokens[0]), token(from.ring)
        {
        }
        template <class Each> std::size_t each(const Each &use)
        {
            std::size_t had = take(events, burst);
            for (std::size_t k = 0; k < had; k++)
                use(events[k]);
            return had;
        }
        std::size_t take(T *to, std::size_t most)
        {
            if constexpr (many)
                return ring.try_dequeue_bulk(token, to, most);
            else
                return ring.try_dequeue_bulk_from_producer(producer, to, most);
        }
    };
};

static const perf_system concurrentqueue = {
    .name = "concurrentqueue",
    .about = "moodycamel::ConcurrentQueue " PEER_VERSION ", tokens and bulk calls",
    .peer = true,
    .can = can_all<queue>,
    .run = run_all<queue>,
};
PERF_SYSTEM(concurrentqueue)

} // namespace perf::concurrent
