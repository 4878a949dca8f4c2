// SPDX-License-Identifier: MIT
package takt.perf;

import com.lmax.disruptor.BatchEventProcessor;
import com.lmax.disruptor.BatchEventProcessorBuilder;
import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.RingBuffer;

/**
 * There on one ring and back on another. Both ends are handlers, as in LMAX's own test; they wait
 * by spinning, the quickest of its strategies when every thread has a core.
 */
final class PingPong {
    /** Who asks: sums the answers up, and asks again. */
    static final class Asker extends Handler<Words.Event> {
        private final RingBuffer<Words.Event> there;
        private final long events;
        private long asked;

        Asker(Case what, RingBuffer<Words.Event> there) {
            super(what);
            this.there = there;
            events = what.events;
        }

        void ask() {
            long next = there.next();
            there.get(next).fill(asked++);
            there.publish(next);
        }

        @Override
        public void onEvent(Words.Event event, long sequence, boolean endOfBatch) {
            result = event.sum(result);
            if (asked < events) {
                ask();
            }
            done(sequence);
        }
    }

    /** Who answers. */
    static final class Answerer extends Handler<Words.Event> {
        private final RingBuffer<Words.Event> back;

        Answerer(Case what, RingBuffer<Words.Event> back) {
            super(what);
            this.back = back;
        }

        @Override
        public void onEvent(Words.Event event, long sequence, boolean endOfBatch) {
            long next = back.next();
            back.get(next).fill(event.first() + 1);
            back.publish(next);
        }
    }

    private PingPong() {}

    private static BatchEventProcessor<Words.Event> processor(
            RingBuffer<Words.Event> ring, Handler<Words.Event> handler) {
        BatchEventProcessor<Words.Event> processor =
                new BatchEventProcessorBuilder().build(ring, ring.newBarrier(), handler);
        ring.addGatingSequences(processor.getSequence());
        return processor;
    }

    static void run(Run run) {
        Case what = run.what();
        Words words = new Words(what);
        RingBuffer<Words.Event> there = Graph.ring(what, words, new BusySpinWaitStrategy());
        RingBuffer<Words.Event> back = Graph.ring(what, words, new BusySpinWaitStrategy());
        Asker asker = new Asker(what, there);
        BatchEventProcessor<Words.Event> asks = processor(back, asker);
        BatchEventProcessor<Words.Event> answers =
                processor(there, new Answerer(what, back));
        run.thread(() -> {
            run.waitForAll();
            asker.ask();
            asks.run();
        }, asks::halt);
        run.thread(answers, answers::halt);
        run.sink(asker);
        run.execute();
    }
}
