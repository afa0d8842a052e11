// The part of segmentio/kafka-go in the interop run; README.md beside this folder describes the lines.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla-interop/lines"
)

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	switch os.Args[1] {
	case "write":
		write(ctx, os.Args[2], os.Args[3], os.Args[4])
	case "read":
		count, err := strconv.ParseInt(os.Args[4], 10, 64)
		lines.Check(err)
		read(ctx, os.Args[2], os.Args[3], count)
	case "first-writes":
		// Thousands of topics; the run ends it when it takes too long.
		firstWrites(context.Background(), os.Args[2:])
	case "create":
		partitions, err := strconv.Atoi(os.Args[4])
		lines.Check(err)
		create(ctx, os.Args[2], os.Args[3], partitions)
	case "produce":
		produce(os.Args[2], os.Args[3])
	case "member":
		member(os.Args[2], os.Args[3], os.Args[4])
	default:
		log.Fatalf("write, read, member, create, produce or first-writes, not %s", os.Args[1])
	}
}

func write(ctx context.Context, bootstrap, topic, codec string) {
	conn, err := kafka.DialContext(ctx, "tcp", bootstrap)
	lines.Check(err)
	lines.Check(conn.CreateTopics(kafka.TopicConfig{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}))
	lines.Check(conn.Close())
	codecs := map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}
	w := &kafka.Writer{
		Addr: kafka.TCP(bootstrap), Topic: topic, Compression: codecs[codec], RequiredAcks: kafka.RequireAll,
		BatchSize: 1000, BatchTimeout: 5 * time.Millisecond,
	}
	written := 0
	var chunk []kafka.Message
	send := func() {
		// A topic that was made a moment ago may not have a leader yet on Apache Kafka.
		for try := 0; ; try++ {
			err := w.WriteMessages(ctx, chunk...)
			if err == nil || written > 0 || try == 50 {
				lines.Check(err)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		written += len(chunk)
		chunk = nil
	}
	lines.Each(func(record lines.Record) {
		m := kafka.Message{Key: record.Key, Value: record.Value}
		for _, h := range record.Headers {
			m.Headers = append(m.Headers, kafka.Header{Key: h.Name, Value: h.Value})
		}
		if chunk = append(chunk, m); len(chunk) == 5000 {
			send()
		}
	})
	if len(chunk) > 0 {
		send()
	}
	lines.Check(w.Close())
	fmt.Println("written", written)
}

func read(ctx context.Context, bootstrap, topic string, count int64) {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{bootstrap}, Topic: topic, Partition: 0, MinBytes: 1, MaxBytes: 10 << 20,
		// Close waits for the long poll that is under way.
		MaxWait: 100 * time.Millisecond,
	})
	out := lines.NewPrinter()
	for i := int64(0); i < count; i++ {
		m, err := r.ReadMessage(ctx)
		lines.Check(err)
		record := lines.Record{Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			record.Headers = append(record.Headers, lines.Header{Name: h.Key, Value: h.Value})
		}
		out.Print(m.Offset, record)
	}
	out.Flush()
	lines.Check(r.Close())
}
