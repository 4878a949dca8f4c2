// SPDX-License-Identifier: MIT
package takt.perf;

import com.lmax.disruptor.BatchEventProcessor;
import com.lmax.disruptor.BatchEventProcessorBuilder;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.WaitStrategy;
import com.lmax.disruptor.YieldingWaitStrategy;
import java.util.List;

/**
 * Producers, one ring, and handlers that come after each other, each on a thread: everything that
 * LMAX's own tests build from RingBuffer and BatchEventProcessor, in the same way.
 *
 * Waiting is YieldingWaitStrategy, as in those tests. BusySpinWaitStrategy was tried for one
 * producer and one consumer: never faster, and several times slower as soon as something else wants
 * one of the cores.
 */
final class Graph {
    static final int PRODUCERS = 3;

    private Graph() {}

    static boolean manyProducers(Case what) {
        return what.shape.equals("sequencer");
    }

    static <E> RingBuffer<E> ring(Case what, Shape<E> shape, WaitStrategy wait) {
        return manyProducers(what)
                ? RingBuffer.createMultiProducer(shape::create, what.capacity, wait)
                : RingBuffer.createSingleProducer(shape::create, what.capacity, wait);
    }

    /** Publishes the events from first up to end. */
    static <E> void publish(RingBuffer<E> ring, Shape<E> shape, long first, long end) {
        for (long i = first; i < end; i++) {
            long next = ring.next();
            shape.fill(ring.get(next), i);
            ring.publish(next);
        }
    }

    /** The same, batch by batch. */
    static <E> void publishBatches(
            RingBuffer<E> ring, Shape<E> shape, long first, long end, int batch) {
        for (long i = first; i < end; ) {
            int count = (int) Math.min(batch, end - i);
            long high = ring.next(count);
            long low = high - (count - 1);
            for (long sequence = low; sequence <= high; sequence++) {
                shape.fill(ring.get(sequence), i++);
            }
            ring.publish(low, high);
        }
    }

    static <E> void producers(Run run, RingBuffer<E> ring, Shape<E> shape) {
        Case what = run.what();
        int count = manyProducers(what) ? PRODUCERS : 1;
        for (int p = 0; p < count; p++) {
            long first = what.events / count * p;
            long end = what.events / count * (p + 1);
            run.producer(what.batch == 1
                    ? () -> publish(ring, shape, first, end)
                    : () -> publishBatches(ring, shape, first, end, what.batch));
        }
    }

    /** A thread for each handler, group after group; the last group gates the producers. */
    static <E> void consumers(Run run, RingBuffer<E> ring, Shape<E> shape) {
        Sequence[] before = new Sequence[0];
        for (List<? extends Handler<E>> group : shape.groups()) {
            SequenceBarrier barrier = ring.newBarrier(before);
            before = new Sequence[group.size()];
            for (int i = 0; i < before.length; i++) {
                BatchEventProcessor<E> processor =
                        new BatchEventProcessorBuilder().build(ring, barrier, group.get(i));
                before[i] = processor.getSequence();
                run.thread(processor, processor::halt);
            }
        }
        ring.addGatingSequences(before);
        shape.sinks().forEach(run::sink);
    }

    static <E> void run(Run run, Shape<E> shape) {
        RingBuffer<E> ring = ring(run.what(), shape, new YieldingWaitStrategy());
        producers(run, ring, shape);
        consumers(run, ring, shape);
        run.execute();
    }
}
