/* SPDX-License-Identifier: MIT */
/*
 * Memory for the peers' queues: whole huge pages where the system gives them, touched before the
 * measured part. takt's rings lie in such memory; a peer that got pages of 4 KiB would pay for
 * address translation that has nothing to do with its algorithm.
 */
#ifndef TAKT_PERF_PEERS_MEMORY_H
#define TAKT_PERF_PEERS_MEMORY_H

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace perf
{

constexpr std::size_t huge_page = std::size_t{2} << 20;

/* NULL if there is none. Given back by free(). */
inline void *huge_malloc(std::size_t size)
{
    size = (size + huge_page - 1) / huge_page * huge_page;
    void *memory = std::aligned_alloc(huge_page, size);
    if (memory) {
        (void)madvise(memory, size, MADV_HUGEPAGE);
        std::memset(memory, 0, size);
    }
    return memory;
}

struct huge_free {
    void operator()(void *memory) const
    {
        std::free(memory);
    }
};

using huge_block = std::unique_ptr<void, huge_free>;

inline huge_block make_huge_block(std::size_t size)
{
    void *memory = huge_malloc(size);
    if (!memory)
        throw std::bad_alloc();
    return huge_block(memory);
}

/* An object in such memory: for queues that hold their elements in themselves. */
template <class T> struct huge_delete {
    void operator()(T *object) const
    {
        object->~T();
        std::free(object);
    }
};

template <class T> using huge_ptr = std::unique_ptr<T, huge_delete<T>>;

template <class T, class... Arguments> huge_ptr<T> make_huge(Arguments &&...arguments)
{
    static_assert(alignof(T) <= huge_page);
    huge_block memory = make_huge_block(sizeof(T));
    T *object = new (memory.get()) T(std::forward<Arguments>(arguments)...);
    (void)memory.release();
    return huge_ptr<T>(object);
}

} // namespace perf

#endif
