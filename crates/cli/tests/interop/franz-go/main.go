// The part of franz-go in the interop run; README.md beside this folder describes the lines.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
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
		count, err := strconv.Atoi(os.Args[4])
		lines.Check(err)
		read(ctx, os.Args[2], os.Args[3], count)
	case "member":
		member(os.Args[2], os.Args[3], os.Args[4])
	default:
		log.Fatalf("write, read or member, not %s", os.Args[1])
	}
}

func client(bootstrap string, options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...)
	lines.Check(err)
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
	lines.Check(err)
	var acked atomic.Int64
	sent := int64(0)
	lines.Each(func(r lines.Record) {
		record := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
		}
		c.Produce(ctx, record, func(_ *kgo.Record, err error) {
			lines.Check(err)
			acked.Add(1)
		})
		sent++
	})
	lines.Check(c.Flush(ctx))
	if acked.Load() != sent {
		log.Fatalf("%d sent, %d acknowledged", sent, acked.Load())
	}
	fmt.Println("written", sent)
}

func read(ctx context.Context, bootstrap, topic string, count int) {
	c := client(bootstrap, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	out := lines.NewPrinter()
	for seen := 0; seen < count; {
		fetches := c.PollFetches(ctx)
		lines.Check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			record := lines.Record{Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				record.Headers = append(record.Headers, lines.Header{Name: h.Key, Value: h.Value})
			}
			out.Print(r.Offset, record)
			seen++
		})
	}
	out.Flush()
}

// A member of a group that leaves at the end of standard input.
func member(bootstrap, group, topic string) {
	ctx := lines.UntilInputEnds()
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
