// SPDX-License-Identifier: MIT
package takt.perf;

import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.YieldingWaitStrategy;

/** The stages behind a producer that sends at a fixed rate; the last stage notes the latency. */
final class Chain {
    private Chain() {}

    /** Waits until event i is due; when it was. As perf_due() in perf/bench.h. */
    private static long due(Case what, long start, long i) {
        long rate = what.rate;
        long due = start + i / rate * 1_000_000_000L + i % rate * 1_000_000_000L / rate;
        while (System.nanoTime() < due) {
            Thread.yield();
        }
        return due;
    }

    private static void send(RingBuffer<Stages.Event> ring, Case what) {
        long start = System.nanoTime();
        for (long i = 0; i < what.events; i++) {
            long due = due(what, start, i);
            long next = ring.next();
            Stages.Event event = ring.get(next);
            event.due = due;
            event.input = i;
            ring.publish(next);
        }
    }

    static void run(Run run) {
        Case what = run.what();
        Stages stages = new Stages(what, run.latency());
        RingBuffer<Stages.Event> ring = Graph.ring(what, stages, new YieldingWaitStrategy());
        run.producer(() -> send(ring, what));
        Graph.consumers(run, ring, stages);
        run.execute();
    }
}
