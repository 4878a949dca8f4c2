// SPDX-License-Identifier: MIT
package takt.perf;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.function.BiFunction;
import java.util.function.IntConsumer;
import org.HdrHistogram.HistogramIterationValue;

/** Runs one scenario, as often as it is asked to. Before the first time it warms up. */
public final class Runner implements BiFunction<String, IntConsumer, String> {
    private static final long WARM_UP_NS = 2_000_000_000L;
    private static final long WARM_UP_RUN_NS = 250_000_000L;
    private static final int WARM_UP_RUNS = 6;

    private final Gson gson = new Gson();
    private boolean warm;

    /** The request and what pins the calling thread to a core; the answer. */
    @Override
    public String apply(String request, IntConsumer pin) {
        Case what = gson.fromJson(request, Case.class);
        if (!warm) {
            warmUp(what, pin);
            warm = true;
        }
        return gson.toJson(answer(run(what, pin)));
    }

    private static JsonObject answer(Run run) {
        JsonObject answer = new JsonObject();
        answer.addProperty("ns", run.ns());
        answer.addProperty("checksum", Long.toUnsignedString(run.checksum()));
        if (run.latency().getTotalCount() > 0) {
            JsonArray pairs = new JsonArray();
            for (HistogramIterationValue value : run.latency().recordedValues()) {
                JsonArray pair = new JsonArray();
                pair.add(value.getValueIteratedTo());
                pair.add(value.getCountAtValueIteratedTo());
                pairs.add(pair);
            }
            answer.add("latency", pairs);
        }
        return answer;
    }

    /** Runs like the one that is asked for, each a quarter of a second, until all is compiled. */
    private static void warmUp(Case what, IntConsumer pin) {
        long unit = 3L * what.batch;
        long events = (Math.min(what.events, 300_000) / unit + 1) * unit;
        long begin = System.nanoTime();
        for (int n = 0; n < WARM_UP_RUNS || System.nanoTime() - begin < WARM_UP_NS; n++) {
            Run run = run(what.with(events), pin);
            double longer = (double) WARM_UP_RUN_NS / Math.max(run.ns(), 1);
            events = Math.max((long) (events * Math.min(longer, 10)) / unit, 1) * unit;
        }
    }

    private static Run run(Case what, IntConsumer pin) {
        System.gc(); // as LMAX's tests do, so that it does not happen in the measured part
        Run run = new Run(what, pin);
        switch (what.shape) {
            case "unicast", "sequencer" -> Graph.run(run, new Words(what));
            case "poller" -> Poller.run(run, new Words(what));
            case "multicast" -> Graph.run(run, new Multicast(what));
            case "pipeline" -> Graph.run(run, new Pipeline(what));
            case "diamond" -> Graph.run(run, new Diamond(what));
            case "stages" -> Graph.run(run, new Stages(what));
            case "chain" -> Chain.run(run);
            case "pingpong" -> PingPong.run(run);
            default -> throw new IllegalArgumentException("no such shape: " + what.shape);
        }
        return run;
    }
}
