// SPDX-License-Identifier: MIT
package takt.perf;

import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.YieldingWaitStrategy;

/** One producer, and a consumer that polls from a loop of its own. */
final class Poller {
    private volatile boolean running = true;

    private Poller() {}

    /** The loop of LMAX's own test. */
    private void poll(EventPoller<Words.Event> poller, Words.Sum sum) {
        EventPoller.Handler<Words.Event> handler = (event, sequence, endOfBatch) -> {
            sum.onEvent(event, sequence, endOfBatch);
            return true;
        };
        try {
            while (running) {
                if (poller.poll(handler) != EventPoller.PollState.PROCESSING) {
                    Thread.yield();
                }
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private void halt() {
        running = false;
    }

    static void run(Run run, Words words) {
        RingBuffer<Words.Event> ring = Graph.ring(run.what(), words, new YieldingWaitStrategy());
        EventPoller<Words.Event> events = ring.newPoller();
        ring.addGatingSequences(events.getSequence());
        Words.Sum sum = words.sinks().get(0);
        Poller poller = new Poller();
        Graph.producers(run, ring, words);
        run.thread(() -> poller.poll(events, sum), poller::halt);
        run.sink(sum);
        run.execute();
    }
}
