import java.io.BufferedReader;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.RetriableCommitFailedException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The Java client's part of the interop run; README.md beside this folder describes the lines it reads and writes. */
public final class Interop {
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "write" -> write(args[1], args[2], args[3]);
            case "read" -> read(args[1], args[2], Long.parseLong(args[3]));
            case "member" -> member(args[1], args[2], args[3]);
            default -> throw new IllegalArgumentException("write, read or member, not " + args[0]);
        }
    }

    private static void write(String bootstrap, String topic, String codec) throws Exception {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        try (Admin admin = Admin.create(p)) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        p.put("compression.type", codec);
        p.put("linger.ms", "5");
        p.put("batch.size", "65536");
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
             BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
            for (String line; (line = in.readLine()) != null; ) {
                String[] part = line.split("\t", -1);
                List<Header> headers = new ArrayList<>();
                if (!part[2].isEmpty()) {
                    for (String h : part[2].split(",")) {
                        String[] kv = h.split(":", -1);
                        headers.add(new RecordHeader(new String(HEX.parseHex(kv[0]), StandardCharsets.UTF_8), bytes(kv[1])));
                    }
                }
                sent.add(producer.send(new ProducerRecord<>(topic, 0, null, bytes(part[0]), bytes(part[1]), headers)));
            }
            producer.flush();
        }
        for (Future<RecordMetadata> f : sent) f.get();
        System.out.println("written " + sent.size());
    }

    private static void read(String bootstrap, String topic, long count) throws Exception {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("enable.auto.commit", "false");
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.US_ASCII);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(Collections.singleton(partition));
            consumer.seekToBeginning(Collections.singleton(partition));
            long seen = 0, deadline = System.nanoTime() + 60_000_000_000L;
            while (seen < count) {
                if (System.nanoTime() > deadline) throw new IllegalStateException("only " + seen + " of " + count + " records after 60 s");
                for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(200))) {
                    StringBuilder line = new StringBuilder().append(r.offset()).append('\t').append(text(r.key())).append('\t').append(text(r.value())).append('\t');
                    String separator = "";
                    for (Header h : r.headers()) {
                        line.append(separator).append(HEX.formatHex(h.key().getBytes(StandardCharsets.UTF_8))).append(':').append(text(h.value()));
                        separator = ",";
                    }
                    out.println(line);
                    seen++;
                }
            }
        }
        out.flush();
    }

    /** A member of a group that leaves at the end of standard input. */
    private static void member(String bootstrap, String group, String topic) throws Exception {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("group.id", group);
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "earliest");
        p.put("session.timeout.ms", "6000");
        p.put("heartbeat.interval.ms", "500");
        p.put("max.poll.interval.ms", "6000");
        p.put("fetch.max.wait.ms", "100");
        AtomicBoolean leaves = new AtomicBoolean();
        Thread input = new Thread(() -> {
            try {
                System.in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
                System.err.println(e);
            }
            leaves.set(true);
        });
        input.setDaemon(true);
        input.start();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (!leaves.get()) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
                for (ConsumerRecord<byte[], byte[]> r : records) {
                    System.out.println(r.partition() + " " + r.offset() + " " + new String(r.value(), StandardCharsets.US_ASCII));
                }
                try {
                    if (!records.isEmpty()) consumer.commitSync();
                } catch (CommitFailedException | RetriableCommitFailedException e) {
                    // A commit of a generation that is gone fails, and the records come again elsewhere.
                    System.err.println(e);
                }
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.equals("-") ? null : HEX.parseHex(text);
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "-" : HEX.formatHex(bytes);
    }
}
