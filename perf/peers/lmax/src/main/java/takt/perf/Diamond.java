// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.List;

/** Diamond: fizz and buzz side by side, and after them who counts the numbers that are both. */
final class Diamond implements Shape<Diamond.Event> {
    static final class Event {
        long value, fizz, buzz;
    }

    static final class Step extends Handler<Event> {
        private final int step;

        Step(Case what, int step) {
            super(what);
            this.step = step;
        }

        @Override
        public void onEvent(Event event, long sequence, boolean endOfBatch) {
            switch (step) {
                case 0 -> event.fizz = Long.remainderUnsigned(event.value, 3) == 0 ? 1 : 0;
                case 1 -> event.buzz = Long.remainderUnsigned(event.value, 5) == 0 ? 1 : 0;
                default -> {
                    if (event.fizz != 0 && event.buzz != 0) {
                        result++;
                    }
                }
            }
            done(sequence);
        }
    }

    private final Step fizz, buzz, both;

    Diamond(Case what) {
        fizz = new Step(what, 0);
        buzz = new Step(what, 1);
        both = new Step(what, 2);
    }

    @Override
    public Event create() {
        return new Event();
    }

    @Override
    public void fill(Event event, long i) {
        event.value = i;
    }

    @Override
    public List<List<? extends Handler<Event>>> groups() {
        return List.of(List.of(fizz, buzz), List.of(both));
    }

    @Override
    public List<Step> sinks() {
        return List.of(both);
    }
}
