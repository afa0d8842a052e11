import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.zip.CRC32;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The Java client's part of the kill -9 rounds; README.md beside this folder describes records and lines. */
public final class Kill9 {
    private static final PrintStream OUT = new PrintStream(
        new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16), false, StandardCharsets.US_ASCII);

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "write" -> write(args[1], Integer.parseInt(args[2]));
            case "check" -> check(args[1]);
            default -> throw new IllegalArgumentException("write or check, not " + args[0]);
        }
    }

    /** Short waits, so that a restart costs the round little. */
    private static Properties common(String bootstrap) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("reconnect.backoff.ms", "20");
        p.put("reconnect.backoff.max.ms", "100");
        p.put("retry.backoff.ms", "20");
        p.put("retry.backoff.max.ms", "100");
        return p;
    }

    private static void write(String bootstrap, int rate) throws Exception {
        Properties p = common(bootstrap);
        p.put("enable.idempotence", "true");
        p.put("acks", "all");
        p.put("linger.ms", "5");
        p.put("buffer.memory", String.valueOf(8 << 20));
        p.put("max.block.ms", String.valueOf(Integer.MAX_VALUE));
        p.put("delivery.timeout.ms", String.valueOf(Integer.MAX_VALUE));
        p.put("request.timeout.ms", "5000");
        Thread flusher = new Thread(() -> {
            while (true) {
                synchronized (OUT) { OUT.flush(); }
                try { Thread.sleep(2); } catch (InterruptedException e) { return; }
            }
        });
        flusher.setDaemon(true);
        flusher.start();
        boolean[] stop = stopOnInput();
        int seq = 0;
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
            while (!stop[0]) {
                for (int i = 0; i < rate / 100; i++) send(producer, seq++);
                Thread.sleep(10);
            }
            producer.flush();
        }
        synchronized (OUT) {
            OUT.println("done java " + seq);
            OUT.flush();
        }
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, int seq) {
        String topic = "kill9-" + seq / 16 % 8;
        byte[] key = Integer.toString(seq).getBytes(StandardCharsets.US_ASCII);
        try {
            producer.send(new ProducerRecord<>(topic, seq / 128 % 4, key, value(seq)), (metadata, error) -> {
                if (error != null) {
                    failed(seq, error);
                    return;
                }
                synchronized (OUT) {
                    long offset = metadata.hasOffset() ? metadata.offset() : -1;
                    OUT.println("ack " + metadata.topic() + " " + metadata.partition() + " " + offset + " java " + seq);
                }
            });
        } catch (KafkaException error) {
            // A producer that met a fatal error takes no more records.
            failed(seq, error);
        }
    }

    private static void failed(int seq, Exception error) {
        synchronized (OUT) {
            OUT.println("fail java " + seq + " " + error.toString().replace('\n', ' '));
        }
    }

    private static byte[] value(int seq) {
        byte[] head = ("java:" + seq + ":").getBytes(StandardCharsets.US_ASCII);
        byte[] value = new byte[head.length + 100 + (int) (seq * 7919L % 1000)];
        System.arraycopy(head, 0, value, 0, head.length);
        for (int i = head.length; i < value.length; i++) value[i] = (byte) ('a' + (seq % 26 + i - head.length) % 26);
        return value;
    }

    private static boolean[] stopOnInput() {
        boolean[] stop = {false};
        Thread reader = new Thread(() -> {
            try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
                if (in.readLine() == null) System.exit(3);
                stop[0] = true;
                while (in.readLine() != null) { }
            } catch (Exception e) {
                System.exit(3);
            }
        });
        reader.setDaemon(true);
        reader.start();
        return stop;
    }

    private static void check(String bootstrap) throws Exception {
        Properties p = common(bootstrap);
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "none");
        p.put("max.poll.records", "5000");
        p.put("fetch.max.wait.ms", "50");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            for (String line; (line = in.readLine()) != null; ) {
                try {
                    ranges(consumer, line);
                    OUT.println("checked");
                } catch (KafkaException e) {
                    OUT.println("error " + e.toString().replace('\n', ' '));
                }
                OUT.flush();
            }
        }
    }

    private static void ranges(KafkaConsumer<byte[], byte[]> consumer, String line) {
        Map<TopicPartition, Long> from = new HashMap<>(), to = new HashMap<>();
        for (String range : line.split(" ")) {
            if (range.isEmpty()) continue;
            String[] part = range.split(":");
            TopicPartition partition = new TopicPartition(part[0], Integer.parseInt(part[1]));
            from.put(partition, Long.parseLong(part[2]));
            to.put(partition, Long.parseLong(part[3]));
        }
        consumer.assign(from.keySet());
        from.forEach(consumer::seek);
        while (!to.isEmpty()) {
            for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(200))) {
                Long end = to.get(new TopicPartition(r.topic(), r.partition()));
                if (end != null && r.offset() < end) print(r);
            }
            to.entrySet().removeIf(range -> {
                boolean done = consumer.position(range.getKey()) >= range.getValue();
                if (done) consumer.pause(java.util.List.of(range.getKey()));
                return done;
            });
        }
        consumer.unsubscribe();
    }

    private static void print(ConsumerRecord<byte[], byte[]> r) {
        CRC32 crc = new CRC32();
        if (r.key() != null) crc.update(r.key());
        if (r.value() != null) crc.update(r.value());
        String writer = "?", seq = "0";
        if (r.value() != null) {
            String head = new String(r.value(), 0, Math.min(40, r.value().length), StandardCharsets.US_ASCII);
            String[] part = head.split(":", 3);
            if (part.length == 3) {
                writer = part[0];
                seq = part[1];
            }
        }
        OUT.append("read ").append(r.topic()).append(' ').append(Integer.toString(r.partition())).append(' ').append(Long.toString(r.offset()))
            .append(' ').append(writer).append(' ').append(seq).append(' ').append(Long.toString(crc.getValue())).append(' ')
            .append(Long.toString(r.timestamp())).append('\n');
    }
}
