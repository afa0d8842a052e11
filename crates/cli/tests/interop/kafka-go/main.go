// The part of segmentio/kafka-go in the interop run; README.md beside this folder describes the lines.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
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
		check(err)
		read(ctx, os.Args[2], os.Args[3], count)
	case "first-writes":
		// Thousands of topics; the run ends it when it takes too long.
		firstWrites(context.Background(), os.Args[2:])
	case "produce":
		produce(os.Args[2], os.Args[3])
	case "member":
		member(os.Args[2], os.Args[3], os.Args[4])
	default:
		log.Fatalf("write, read, member, produce or first-writes, not %s", os.Args[1])
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func write(ctx context.Context, bootstrap, topic, codec string) {
	conn, err := kafka.DialContext(ctx, "tcp", bootstrap)
	check(err)
	check(conn.CreateTopics(kafka.TopicConfig{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}))
	check(conn.Close())
	codecs := map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}
	w := &kafka.Writer{
		Addr: kafka.TCP(bootstrap), Topic: topic, Compression: codecs[codec], RequiredAcks: kafka.RequireAll,
		BatchSize: 1000, BatchTimeout: 5 * time.Millisecond,
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	written := 0
	var chunk []kafka.Message
	send := func() {
		// A topic that was made a moment ago may not have a leader yet on Apache Kafka.
		for try := 0; ; try++ {
			err := w.WriteMessages(ctx, chunk...)
			if err == nil || written > 0 || try == 50 {
				check(err)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		written += len(chunk)
		chunk = nil
	}
	for in.Scan() {
		part := strings.Split(in.Text(), "\t")
		m := kafka.Message{Key: unhex(part[0]), Value: unhex(part[1])}
		if part[2] != "" {
			for _, h := range strings.Split(part[2], ",") {
				name, value, _ := strings.Cut(h, ":")
				m.Headers = append(m.Headers, kafka.Header{Key: string(unhex(name)), Value: unhex(value)})
			}
		}
		if chunk = append(chunk, m); len(chunk) == 5000 {
			send()
		}
	}
	check(in.Err())
	if len(chunk) > 0 {
		send()
	}
	check(w.Close())
	fmt.Println("written", written)
}

func read(ctx context.Context, bootstrap, topic string, count int64) {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{bootstrap}, Topic: topic, Partition: 0, MinBytes: 1, MaxBytes: 10 << 20,
		// Close waits for the long poll that is under way.
		MaxWait: 100 * time.Millisecond,
	})
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	for i := int64(0); i < count; i++ {
		m, err := r.ReadMessage(ctx)
		check(err)
		fmt.Fprintf(out, "%d\t%s\t%s\t", m.Offset, text(m.Key), text(m.Value))
		for j, h := range m.Headers {
			if j > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(out, "%s:%s", hex.EncodeToString([]byte(h.Key)), text(h.Value))
		}
		out.WriteByte('\n')
	}
	check(out.Flush())
	check(r.Close())
}

func unhex(s string) []byte {
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	check(err)
	return b
}

func text(b []byte) string {
	if b == nil {
		return "-"
	}
	return hex.EncodeToString(b)
}
