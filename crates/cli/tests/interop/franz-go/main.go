// The part of franz-go in the interop run; README.md beside this folder describes the lines.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	switch os.Args[1] {
	case "write":
		write(ctx, os.Args[2], os.Args[3], os.Args[4])
	case "read":
		count, err := strconv.Atoi(os.Args[4])
		check(err)
		read(ctx, os.Args[2], os.Args[3], count)
	case "member":
		member(os.Args[2], os.Args[3], os.Args[4])
	default:
		log.Fatalf("write, read or member, not %s", os.Args[1])
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func client(bootstrap string, options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...)
	check(err)
	return c
}

func write(ctx context.Context, bootstrap, topic, codec string) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	c := client(bootstrap, kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer c.Close()
	_, err := kadm.NewClient(c).CreateTopic(ctx, 1, 1, nil, topic)
	check(err)
	var acked atomic.Int64
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	sent := int64(0)
	for in.Scan() {
		part := strings.Split(in.Text(), "\t")
		record := &kgo.Record{Topic: topic, Key: unhex(part[0]), Value: unhex(part[1])}
		if part[2] != "" {
			for _, h := range strings.Split(part[2], ",") {
				name, value, _ := strings.Cut(h, ":")
				record.Headers = append(record.Headers, kgo.RecordHeader{Key: string(unhex(name)), Value: unhex(value)})
			}
		}
		c.Produce(ctx, record, func(_ *kgo.Record, err error) {
			check(err)
			acked.Add(1)
		})
		sent++
	}
	check(in.Err())
	check(c.Flush(ctx))
	if acked.Load() != sent {
		log.Fatalf("%d sent, %d acknowledged", sent, acked.Load())
	}
	fmt.Println("written", sent)
}

func read(ctx context.Context, bootstrap, topic string, count int) {
	c := client(bootstrap, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	for seen := 0; seen < count; {
		fetches := c.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			fmt.Fprintf(out, "%d\t%s\t%s\t", r.Offset, text(r.Key), text(r.Value))
			for i, h := range r.Headers {
				if i > 0 {
					out.WriteByte(',')
				}
				fmt.Fprintf(out, "%s:%s", hex.EncodeToString([]byte(h.Key)), text(h.Value))
			}
			out.WriteByte('\n')
			seen++
		})
	}
	check(out.Flush())
}

// A member of a group that leaves at the end of standard input.
func member(bootstrap, group, topic string) {
	ctx, leave := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		leave()
	}()
	c := client(bootstrap, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.RebalanceTimeout(6*time.Second),
		kgo.FetchMaxWait(100*time.Millisecond))
	for ctx.Err() == nil {
		fetches := c.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) { fmt.Println(r.Partition, r.Offset, string(r.Value)) })
		// A commit of a generation that is gone fails, and the records come again elsewhere.
		if err := c.CommitUncommittedOffsets(context.Background()); err != nil {
			log.Print(err)
		}
	}
	c.Close()
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
