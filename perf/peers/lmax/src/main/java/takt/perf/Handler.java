// SPDX-License-Identifier: MIT
package takt.perf;

import com.lmax.disruptor.EventHandler;
import java.util.concurrent.CountDownLatch;

/** Keeps what follows off the cache lines of what comes before. */
class HandlerPadding {
    protected long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, pa, pb, pc, pd, pe, pf;
}

/** What a handler changes with each event, on cache lines of its own (as in LMAX's tests). */
class HandlerResult extends HandlerPadding {
    protected long result;
}

/** A consumer: its result, and when it had the last event. */
abstract class Handler<E> extends HandlerResult implements EventHandler<E> {
    protected long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, qa, qb, qc, qd, qe, qf;

    private final long last;
    private final CountDownLatch done = new CountDownLatch(1);
    private long end;

    Handler(Case what) {
        last = what.events - 1;
    }

    /** At the end of every onEvent(). */
    protected final void done(long sequence) {
        if (sequence == last) {
            end = System.nanoTime();
            done.countDown();
        }
    }

    /** Waits for the last event; when it came. */
    final long await() throws InterruptedException {
        done.await();
        return end;
    }

    /** Lets await() return without the last event. */
    final void abandon() {
        done.countDown();
    }

    final long result() {
        return result;
    }
}
