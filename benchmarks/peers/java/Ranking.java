import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.ArrayList;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.WindowStore;

/** Seats by schedule and window with Kafka Streams: java -cp ... Ranking TASK THREADS. At least once. */
public final class Ranking {
    /** An hour late still counts, as with the others. */
    private static final Duration GRACE = Duration.ofHours(2);

    private static final int TOP = 10;

    /** What benchmarks/peers/programs/task.py says. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Task(String bootstrap, String topic, int partitions, String kind, String form, boolean keyed, long count,
                String folder, String report) { }

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Payload(String concertScheduleId, Integer quantity, Long amount) { }

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Envelope(String eventId, String eventType, String eventTime, Payload payload) { }

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Flat(String concertScheduleId, String reservedAt) { }

    record Sale(String schedule, long quantity) { }

    private static final ObjectMapper JSON = new ObjectMapper()
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final ObjectReader ENVELOPE = JSON.readerFor(Envelope.class);
    private static final ObjectReader FLAT = JSON.readerFor(Flat.class);

    private final Task task;
    private final AtomicLong firstMs = new AtomicLong();
    private final AtomicLong newestMs = new AtomicLong();
    private final AtomicLong added = new AtomicLong();
    private final CountDownLatch done = new CountDownLatch(1);
    private final long lengthMs;
    private final long stepMs;

    private Ranking(Task task) {
        this.task = task;
        boolean tumbling = task.kind().equals("tumbling");
        lengthMs = Duration.ofMinutes(tumbling ? 1 : 60).toMillis();
        stepMs = Duration.ofMinutes(tumbling ? 1 : 5).toMillis();
    }

    public static void main(String[] arguments) throws Exception {
        new Ranking(JSON.readValue(arguments[0], Task.class)).run(Integer.parseInt(arguments[1]));
    }

    private void run(int threads) throws Exception {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + UUID.randomUUID());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.bootstrap());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, task.folder());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        StreamsBuilder builder = new StreamsBuilder();
        build(builder);
        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
        });
        streams.start();
        while (!done.await(1, TimeUnit.SECONDS)) {
            printTop(streams);
        }
        long doneMs = System.currentTimeMillis();
        write(totals(store(streams)), doneMs);
        Runtime.getRuntime().halt(0); // a clean stop is not part of the measurement
    }

    private void build(StreamsBuilder builder) {
        KStream<String, byte[]> source =
            builder.stream(task.topic(), Consumed.with(Serdes.String(), Serdes.ByteArray()));
        KStream<String, Long> seats;
        if (task.keyed()) {
            seats = source.mapValues(value -> sale(value).quantity());
        } else {
            seats = source.map((key, value) -> {
                Sale sale = sale(value);
                return KeyValue.pair(sale.schedule(), sale.quantity());
            });
        }
        long wanted = task.count() * (lengthMs / stepMs);
        seats.groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(lengthMs), GRACE)
                .advanceBy(Duration.ofMillis(stepMs)))
            .aggregate(() -> 0L, (schedule, quantity, total) -> {
                if (added.incrementAndGet() == wanted) {
                    done.countDown();
                }
                return total + quantity;
            }, Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("sums")
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()));
    }

    private Sale sale(byte[] value) {
        if (firstMs.get() == 0) {
            firstMs.compareAndSet(0, System.currentTimeMillis());
        }
        try {
            if (task.form().equals("flat")) {
                Flat flat = FLAT.readValue(value);
                check(isId(flat.concertScheduleId()) && flat.reservedAt() != null);
                seen(flat.reservedAt());
                return new Sale(flat.concertScheduleId(), 1);
            }
            Envelope event = ENVELOPE.readValue(value);
            Payload payload = event.payload();
            check(isId(event.eventId()) && "reservation.completed".equals(event.eventType())
                && event.eventTime() != null && payload != null && isId(payload.concertScheduleId())
                && payload.quantity() != null && payload.quantity() >= 1 && payload.quantity() <= 10_000
                && payload.amount() != null && payload.amount() >= 0);
            seen(event.eventTime());
            return new Sale(payload.concertScheduleId(), payload.quantity());
        } catch (IOException wrong) {
            throw new IllegalArgumentException(wrong);
        }
    }

    private static boolean isId(String id) {
        return id != null && !id.isEmpty() && id.length() <= 200;
    }

    private static void check(boolean holds) {
        if (!holds) {
            throw new IllegalArgumentException("not an event");
        }
    }

    private void seen(String time) {
        long atMs = Instant.parse(time).toEpochMilli();
        if (atMs > newestMs.get()) {
            newestMs.accumulateAndGet(atMs, Math::max);
        }
    }

    private void printTop(KafkaStreams streams) {
        if (newestMs.get() == 0 || streams.state() != KafkaStreams.State.RUNNING) {
            return;
        }
        Instant start = Instant.ofEpochMilli(newestMs.get() - newestMs.get() % stepMs);
        List<KeyValue<String, Long>> window = new ArrayList<>();
        try (KeyValueIterator<Windowed<String>, Long> found = store(streams).fetchAll(start, start)) {
            found.forEachRemaining(entry -> window.add(KeyValue.pair(entry.key.key(), entry.value)));
        } catch (InvalidStateStoreException rebalancing) {
            return; // asked again in a second
        }
        window.sort(Comparator.comparing((KeyValue<String, Long> entry) -> entry.value).reversed());
        System.out.println(window.subList(0, Math.min(TOP, window.size())));
    }

    private static ReadOnlyWindowStore<String, Long> store(KafkaStreams streams) {
        return streams.store(StoreQueryParameters.fromNameAndType("sums", QueryableStoreTypes.windowStore()));
    }

    /** The last event may still be on its way into the store when it was counted: asked until the sum is whole. */
    private Map<String, Long> totals(ReadOnlyWindowStore<String, Long> store) throws InterruptedException {
        long wanted = task.count() * (lengthMs / stepMs);
        for (int attempt = 0; ; attempt++) {
            Map<String, Long> sums = new HashMap<>();
            long whole = 0;
            try (KeyValueIterator<Windowed<String>, Long> found = store.all()) {
                while (found.hasNext()) {
                    KeyValue<Windowed<String>, Long> entry = found.next();
                    sums.merge(entry.key.key(), entry.value, Long::sum);
                    whole += entry.value;
                }
            }
            if (whole >= wanted || attempt == 20) {
                return sums;
            }
            Thread.sleep(50);
        }
    }

    private void write(Map<String, Long> sums, long doneMs) throws IOException {
        Map<String, Object> facts = Map.of(
            "first_s", firstMs.get() / 1000.0, "done_s", doneMs / 1000.0, "events", task.count(),
            "upto", Map.of(), "sums", sums);
        File unfinished = new File(task.report() + ".part");
        JSON.writeValue(unfinished, facts);
        Files.move(unfinished.toPath(), Path.of(task.report()), StandardCopyOption.ATOMIC_MOVE);
    }
}
