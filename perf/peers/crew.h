/* SPDX-License-Identifier: MIT */
/*
 * The threads of one run, and how they wait.
 *
 * A crew holds its threads at a gate until all are set up, opens it just after perf_begin(), and
 * calls perf_end() when the last has done its share: the start and the end of threads are not
 * measured. At both gates the threads sleep.
 *
 * A thread whose queue is full or empty asks its patience what to do. With a core for each thread
 * it looks again after a pause, which grows with each miss: a consumer that looks all the time
 * takes the producer's cache lines away, and is then given one event at a time. Where one event at
 * a time is what is measured the pause stays short. With fewer cores than threads it looks a few
 * times and then gives the core away, for the thread that it waits for may be one that waits for
 * its core.
 */
#ifndef TAKT_PERF_PEERS_CREW_H
#define TAKT_PERF_PEERS_CREW_H

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include "bench.h"

namespace perf
{

inline void pause()
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#else
    asm volatile("" ::: "memory");
#endif
}

class patience
{
    static constexpr unsigned looks = 10; /* before each is followed by a yield */
    unsigned longest;                     /* pauses between two looks, a power of two */
    bool crowded;
    unsigned missed = 0;

  public:
    explicit patience(bool more_threads_than_cores, unsigned longest_pause = 32)
        : longest(longest_pause), crowded(more_threads_than_cores)
    {
    }
    void wait()
    {
        missed++;
        if (!crowded) {
            const unsigned pauses = missed > 6 ? longest : std::min(longest, 1u << (missed - 1));
            for (unsigned i = 0; i < pauses; i++)
                pause();
        } else if (missed > looks) {
            sched_yield();
        } else {
            pause();
        }
    }
    void met()
    {
        missed = 0;
    }
};

class gate
{
    pthread_barrier_t barrier;

  public:
    explicit gate(unsigned threads)
    {
        if (pthread_barrier_init(&barrier, nullptr, threads))
            throw std::runtime_error("pthread_barrier_init");
    }
    gate(const gate &) = delete;
    gate &operator=(const gate &) = delete;
    ~gate()
    {
        pthread_barrier_destroy(&barrier);
    }
    void pass()
    {
        pthread_barrier_wait(&barrier);
    }
};

class crew
{
    const perf_case *what;
    perf_run *run;
    std::vector<std::function<void()>> shares;

  public:
    crew(const perf_case *the_case, perf_run *the_run) : what(the_case), run(the_run)
    {
    }

    /* How many cores the run may use. */
    static int cores(const perf_case *what)
    {
        cpu_set_t set;
        CPU_ZERO(&set);
        if (what->cpu_count == 0) {
            if (sched_getaffinity(0, sizeof set, &set))
                return static_cast<int>(std::thread::hardware_concurrency());
        } else {
            for (int i = 0; i < what->cpu_count; i++)
                CPU_SET(what->cpus[i], &set);
        }
        return CPU_COUNT(&set);
    }

    /* Whether `threads` threads have to share cores. */
    static bool crowded(const perf_case *what, int threads)
    {
        return threads > cores(what);
    }

    void add(std::function<void()> share)
    {
        shares.push_back(std::move(share));
    }

    /* Runs the shares, each on a thread of its own. They must not throw. */
    void work()
    {
        unsigned everyone = static_cast<unsigned>(shares.size()) + 1;
        gate ready(everyone), start(everyone), done(everyone);
        std::vector<std::thread> threads;
        threads.reserve(shares.size());
        for (std::size_t i = 0; i < shares.size(); i++)
            threads.emplace_back([&, i] {
                perf_thread_begin(what, static_cast<int>(i));
                ready.pass();
                start.pass();
                shares[i]();
                perf_thread_end();
                done.pass();
            });
        ready.pass();
        perf_begin(run);
        start.pass();
        done.pass();
        perf_end(run);
        for (std::thread &thread : threads)
            thread.join();
    }
};

} // namespace perf

#endif
