// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import org.HdrHistogram.Histogram;

/** One run: its threads, and what comes of it. All threads are its own and end with it. */
final class Run {
    static final long LATENCY_MOST_NS = 100_000_000_000L;

    private final Case what;
    private final IntConsumer pin;
    private final Histogram latency = new Histogram(LATENCY_MOST_NS, 3);
    private final List<Runnable> bodies = new ArrayList<>();
    private final List<Runnable> halts = new ArrayList<>();
    private final List<Handler<?>> sinks = new ArrayList<>();
    private final CountDownLatch go = new CountDownLatch(1);
    private final AtomicLong begin = new AtomicLong(Long.MAX_VALUE);
    private Throwable failure;
    private long ns;
    private long checksum;

    Run(Case what, IntConsumer pin) {
        this.what = what;
        this.pin = pin;
    }

    Case what() {
        return what;
    }

    Histogram latency() {
        return latency;
    }

    long ns() {
        return ns;
    }

    long checksum() {
        return checksum;
    }

    /** A thread of the run; the producers come first. halt makes it end when all is done. */
    void thread(Runnable body, Runnable halt) {
        bodies.add(body);
        halts.add(halt);
    }

    /** A producer: begins when every thread is there, and ends by itself. */
    void producer(Runnable body) {
        thread(() -> {
            waitForAll();
            body.run();
        }, () -> { });
    }

    /** In a thread that publishes the first event: waits until every thread is there. */
    void waitForAll() {
        try {
            go.await();
            begin.accumulateAndGet(System.nanoTime(), Math::min);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A handler whose result is a part of the checksum, and whose last event ends the run. */
    void sink(Handler<?> handler) {
        sinks.add(handler);
    }

    private void pin(int index) {
        if (what.cpus.length > 0) {
            pin.accept(what.cpus[index % what.cpus.length]);
        }
    }

    private synchronized void fail(Throwable e) {
        failure = e;
        sinks.forEach(Handler::abandon);
    }

    private Thread start(int index, CountDownLatch ready) {
        Thread thread = new Thread(() -> {
            try {
                pin(index);
                ready.countDown();
                bodies.get(index).run();
            } catch (RuntimeException | Error e) {
                ready.countDown();
                fail(e);
            }
        }, "perf-" + index);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Starts the threads, waits until the sinks have had the last event, and ends the threads. */
    void execute() {
        try {
            CountDownLatch ready = new CountDownLatch(bodies.size());
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < bodies.size(); i++) {
                threads.add(start(i, ready));
            }
            ready.await();
            go.countDown();
            for (Handler<?> sink : sinks) {
                ns = Math.max(ns, sink.await() - begin.get());
                checksum += sink.result();
            }
            halts.forEach(Runnable::run);
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        if (failure != null) {
            throw new IllegalStateException(failure);
        }
    }
}
