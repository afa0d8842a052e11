import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command-line tools, one command a line on standard input, in one JVM, because each start of a JVM costs
 * more than most tools. Prints each command and what it printed, with names and times of the run taken out.
 * Arguments: the bootstrap address, and the folder of files that commands name.
 */
public final class Tools {
    private static final Map<String, String> CLASSES = Map.ofEntries(
        Map.entry("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
        Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
        Map.entry("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
        Map.entry("kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand"),
        Map.entry("kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand"),
        Map.entry("kafka-cluster", "org.apache.kafka.tools.ClusterTool"),
        Map.entry("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
        Map.entry("kafka-metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand"),
        Map.entry("kafka-leader-election", "org.apache.kafka.tools.LeaderElectionCommand"),
        Map.entry("kafka-reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-producer-perf-test", "org.apache.kafka.tools.ProducerPerformance"),
        Map.entry("kafka-consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance"),
        Map.entry("kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
        Map.entry("kafka-verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer"),
        Map.entry("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"));
    private static final long LIMIT_MS = 60_000;

    /** Thrown where a tool would end the process. Some tools catch it and try again, so the first one counts. */
    private static final class Ended extends Error {
        Ended() {
            super(null, null, false, false);
        }
    }

    private static volatile Integer status;

    private static void end(int code) {
        if (status == null) {
            status = code;
            System.setOut(new PrintStream(PrintStream.nullOutputStream()));
            System.setErr(System.out);
        }
        throw new Ended();
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        Exit.setShutdownHookAdder((name, hook) -> { });
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            out.println("$ " + line);
            out.print(normal(run(line.replace("{bootstrap}", args[0]).replace("{folder}", args[1]))));
        }
        // Some tools leave threads behind.
        Runtime.getRuntime().halt(0);
    }

    private static String run(String line) throws Exception {
        String[] words = line.split(" ");
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(said, true, StandardCharsets.UTF_8);
        System.setOut(stream);
        System.setErr(stream);
        status = null;
        Thread tool = new Thread(() -> call(words));
        tool.setDaemon(true);
        tool.start();
        tool.join(LIMIT_MS);
        if (tool.isAlive()) {
            tool.interrupt();
            stream.println("not done after " + LIMIT_MS + " ms");
        }
        if (status != null && status != 0) stream.println("exit " + status);
        return said.toString(StandardCharsets.UTF_8);
    }

    private static void call(String[] words) {
        try {
            Class<?> tool = Class.forName(CLASSES.get(words[0]));
            tool.getMethod("main", String[].class).invoke(null, (Object) Arrays.copyOfRange(words, 1, words.length));
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) System.out.println(e.getCause());
        } catch (ReflectiveOperationException | NullPointerException e) {
            System.out.println("no tool " + words[0] + ": " + e);
        }
    }

    private static String normal(String said) {
        StringBuilder all = new StringBuilder();
        for (String line : said.split("\n")) {
            // Stacks and log lines are a matter of the tool, and one line praises what a client may use.
            if (line.isBlank() || line.startsWith("\tat ") || line.startsWith("SLF4J")
                || line.startsWith("The consumer rebalance protocol")
                || line.contains(" WARN ")) continue;
            String text = line
                .replaceAll("(localhost|127\\.0\\.0\\.1|\\[::1\\]):[0-9]+", "HOST:PORT")
                .replaceAll("(localhost|127\\.0\\.0\\.1) +[0-9]+", "HOST PORT")
                .replaceAll("(?<![\\w./-])[A-Za-z0-9_-]{22}(?![\\w./(-])", "ID")
                .replaceAll("/[\\w./-]*data(?![\\w/])", "DIR")
                .replaceAll("\"(size|offsetLag)\":[0-9]+", "\"$1\":N")
                .replaceAll("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+Z?", "TIME")
                .replaceAll("(?<![0-9])1[0-9]{12}(?![0-9])", "TIME")
                .replaceAll("(Epoch|HighWatermark): +[0-9]+", "$1: N")
                .replaceAll("ID\t[0-9]+", "ID\tN")
                .replaceAll(" {2,}", " ")
                .replaceAll(" ?\t ?", "\t")
                .replaceAll("\\s+$", "");
            if (text.contains("records/sec")) {
                int first = text.indexOf(',');
                text = text.substring(0, first) + text.substring(first).replaceAll("[0-9]+(\\.[0-9]+)?", "N");
            }
            if (text.startsWith("TIME TIME")) text = text.replaceAll("[0-9]+(\\.[0-9]+)?", "N");
            all.append(text).append('\n');
        }
        return all.toString();
    }
}
