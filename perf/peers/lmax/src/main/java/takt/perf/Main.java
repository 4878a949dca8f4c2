// SPDX-License-Identifier: MIT
package takt.perf;

import com.sun.jna.Native;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.IntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * LMAX Disruptor as a peer of takt-perf: a line of JSON in says what to run, a line of JSON out
 * what came of it (perf/external.h).
 *
 * <p>Each of LMAX's performance tests has a virtual machine of its own, and the compiler sees one
 * class of event and one of handler. Here many scenarios share one machine; if they shared the
 * Disruptor's classes too, what the compiler learnt from one would slow down the next. So each
 * scenario gets a class loader, hence classes, profiles and compiled code of its own.
 */
public final class Main {
    private static final Pattern SCENARIO = Pattern.compile("\"scenario\"\\s*:\\s*\"([^\"]*)\"");

    private final Map<String, BiFunction<String, IntConsumer, String>> runners = new HashMap<>();

    private Main() {}

    /** The C library's call: how long the set is, and the set, a bit for each core. */
    private static native int sched_setaffinity(int thread, long length, byte[] cores);

    static {
        Native.register("c");
    }

    private static void pin(int core) {
        byte[] cores = new byte[128];
        cores[core / 8] = (byte) (1 << core % 8);
        if (sched_setaffinity(0, cores.length, cores) != 0) {
            throw new IllegalStateException("cannot pin a thread to core " + core);
        }
    }

    private static URL[] classPath() throws MalformedURLException {
        List<URL> urls = new ArrayList<>();
        File jar = new File(System.getProperty("java.class.path"));
        urls.add(jar.toURI().toURL());
        File[] libraries = new File(jar.getAbsoluteFile().getParentFile(), "lib").listFiles();
        for (File library : libraries == null ? new File[0] : libraries) {
            urls.add(library.toURI().toURL());
        }
        return urls.toArray(new URL[0]);
    }

    @SuppressWarnings("unchecked")
    private BiFunction<String, IntConsumer, String> runner(String scenario)
            throws ReflectiveOperationException, IOException {
        BiFunction<String, IntConsumer, String> runner = runners.get(scenario);
        if (runner == null) {
            @SuppressWarnings("resource") // open as long as its classes are in use: to the end
            URLClassLoader loader =
                    new URLClassLoader(classPath(), ClassLoader.getPlatformClassLoader());
            runner = (BiFunction<String, IntConsumer, String>)
                    loader.loadClass("takt.perf.Runner").getConstructor().newInstance();
            runners.put(scenario, runner);
        }
        return runner;
    }

    private String answer(String request) {
        try {
            Matcher scenario = SCENARIO.matcher(request);
            return runner(scenario.find() ? scenario.group(1) : "").apply(request, Main::pin);
        } catch (ReflectiveOperationException | IOException | RuntimeException e) {
            e.printStackTrace();
            return "{\"error\": \"" + e.toString().replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"}";
        }
    }

    public static void main(String[] arguments) throws IOException {
        Main main = new Main();
        PrintStream out = System.out;
        System.setOut(System.err); // what a library prints must not look like an answer
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(main.answer(line));
            out.flush();
        }
    }
}
