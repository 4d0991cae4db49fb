// resilience4j's side of the comparison in ../run, which says how the two talk.

import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

public final class Peer {
    /** Makes n calls, and returns how many reached the operation. Each row has a loop of its own to be compiled. */
    interface Batch {
        long run(long n);
    }

    static final class Row {
        final Batch batch;
        final int threads;
        final boolean reaches;
        long n = 1000;

        Row(Batch batch, int threads, boolean reaches) {
            this.batch = batch;
            this.threads = threads;
            this.reaches = reaches;
        }
    }

    static final Map<String, Row> rows = new LinkedHashMap<>();
    static final com.sun.management.OperatingSystemMXBean system =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    static volatile long sink;

    /** Not inlined: see the flags in ../run. */
    static int work(int x) {
        return x;
    }

    static void spread(Row row) throws InterruptedException {
        Thread[] threads = new Thread[row.threads];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> sink = row.batch.run(row.n / row.threads));
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
    }

    /** CPU ns per call, of all threads of the process: those that collect garbage are part of the price. */
    static double measure(String name) throws InterruptedException {
        Row row = rows.get(name);
        long before = system.getProcessCpuTime();
        if (row.threads == 1) {
            long reached = row.batch.run(row.n);
            if (reached != (row.reaches ? row.n : 0)) throw new IllegalStateException(name + " did not do its work");
        } else {
            spread(row);
        }
        return (double) (system.getProcessCpuTime() - before) / row.n;
    }

    /** Until a batch takes half a second, because the clock ticks in hundredths; and then as long again as the compiler may want. */
    static void warmUp(String name) throws InterruptedException {
        while (measure(name) * rows.get(name).n < 5e8) rows.get(name).n *= 2;
        for (int i = 0; i < 10; i++) measure(name);
        while (measure(name) * rows.get(name).n < 5e8) rows.get(name).n *= 2;
    }

    static void add(String name, boolean reaches, Batch batch) {
        rows.put(name, new Row(batch, 1, reaches));
        rows.put(name + " @8", new Row(batch, 8, reaches));
    }

    static CircuitBreaker make(SlidingWindowType type, int size, boolean open) {
        CircuitBreakerConfig config = CircuitBreakerConfig.custom()
                .slidingWindowType(type)
                .slidingWindowSize(size)
                .minimumNumberOfCalls(10)
                .failureRateThreshold(50)
                .waitDurationInOpenState(Duration.ofDays(1))
                .build();
        CircuitBreaker breaker = CircuitBreaker.of("bench", config);
        for (int i = 0; i < 200; i++) breaker.executeSupplier(() -> 0);
        if (open) breaker.transitionToOpenState();
        return breaker;
    }

    static void addCalls(String window, SlidingWindowType type, int size) {
        Supplier<Integer> protectedCall = CircuitBreaker.decorateSupplier(make(type, size, false), () -> work(1));
        add(window + " call", true, n -> {
            long reached = 0;
            for (long i = 0; i < n; i++) reached += protectedCall.get();
            return reached;
        });
        Supplier<Integer> refusedCall = CircuitBreaker.decorateSupplier(make(type, size, true), () -> work(1));
        add(window + " refusal", false, n -> {
            long reached = 0;
            for (long i = 0; i < n; i++) {
                try {
                    reached += refusedCall.get();
                } catch (CallNotPermittedException refused) {
                    // as a caller would find out
                }
            }
            return reached;
        });
    }

    static long throughPermit(CircuitBreaker breaker) {
        if (!breaker.tryAcquirePermission()) return 0;
        long start = breaker.getCurrentTimestamp();
        int result = work(1);
        breaker.onSuccess(breaker.getCurrentTimestamp() - start, breaker.getTimestampUnit());
        return result;
    }

    static void addPermits(String window, SlidingWindowType type, int size) {
        CircuitBreaker closed = make(type, size, false);
        add(window + " permit call", true, n -> {
            long reached = 0;
            for (long i = 0; i < n; i++) reached += throughPermit(closed);
            return reached;
        });
        CircuitBreaker open = make(type, size, true);
        add(window + " permit refusal", false, n -> {
            long reached = 0;
            for (long i = 0; i < n; i++) reached += throughPermit(open);
            return reached;
        });
    }

    public static void main(String[] args) throws Exception {
        Supplier<Integer> bare = () -> work(1);
        add("bare", true, n -> {
            long reached = 0;
            for (long i = 0; i < n; i++) reached += bare.get();
            return reached;
        });
        addCalls("count", SlidingWindowType.COUNT_BASED, 100);
        addPermits("count", SlidingWindowType.COUNT_BASED, 100);
        addCalls("time", SlidingWindowType.TIME_BASED, 10);
        addPermits("time", SlidingWindowType.TIME_BASED, 10);
        for (String name : rows.keySet()) warmUp(name);
        System.out.println("ready resilience4j " + args[0] + ", Java " + System.getProperty("java.version"));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String name; (name = in.readLine()) != null;)
            System.out.println(rows.containsKey(name) ? measure(name) : -1.0);
    }
}
