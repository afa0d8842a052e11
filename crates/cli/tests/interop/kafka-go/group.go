package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla-interop/lines"
)

const (
	batchSize     = 100
	flushInterval = 50 * time.Millisecond
)

// create makes a topic and returns when every partition has a leader.
func create(ctx context.Context, bootstrap, topic string, partitions int) {
	conn, err := kafka.DialContext(ctx, "tcp", bootstrap)
	lines.Check(err)
	lines.Check(conn.CreateTopics(kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}))
	for ctx.Err() == nil {
		led, err := conn.ReadPartitions(topic)
		if err == nil && len(led) == partitions {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	lines.Check(ctx.Err())
	lines.Check(conn.Close())
}

// produce is a service's writer: asynchronous, acknowledged by all, on a topic that comes by auto-creation. For each
// number on standard input it writes so many records, whose values go on counting, and says when all are acknowledged.
func produce(bootstrap, topic string) {
	var pending sync.WaitGroup
	w := &kafka.Writer{
		Addr: kafka.TCP(bootstrap), Topic: topic, RequiredAcks: kafka.RequireAll, Async: true,
		AllowAutoTopicCreation: true, BatchSize: batchSize, BatchTimeout: 5 * time.Millisecond,
		Completion: func(messages []kafka.Message, err error) {
			lines.Check(err)
			pending.Add(-len(messages))
		},
	}
	next := 0
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		count, err := strconv.Atoi(in.Text())
		lines.Check(err)
		pending.Add(count)
		for range count {
			lines.Check(w.WriteMessages(context.Background(), kafka.Message{Value: []byte(strconv.Itoa(next))}))
			next++
		}
		pending.Wait()
		fmt.Println("written", count)
	}
	lines.Check(w.Close())
}

// member is a service's reader: a group, batches that are flushed when full or when they waited long enough, commits
// by hand that are tried again with backoff. It leaves at the end of standard input.
func member(bootstrap, group, topic string) {
	ctx := lines.UntilInputEnds()
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{bootstrap}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset, MinBytes: 1,
		MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond, HeartbeatInterval: 500 * time.Millisecond,
		SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second, JoinGroupBackoff: 100 * time.Millisecond,
	})
	for ctx.Err() == nil {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			break
		}
		batch := []kafka.Message{m}
		flush, cancel := context.WithTimeout(ctx, flushInterval)
		for len(batch) < batchSize {
			m, err := r.FetchMessage(flush)
			if err != nil {
				break
			}
			batch = append(batch, m)
		}
		cancel()
		for _, m := range batch {
			fmt.Println(m.Partition, m.Offset, string(m.Value))
		}
		for try := 1; ; try++ {
			err := r.CommitMessages(context.Background(), batch...)
			if err == nil || try == 5 {
				if err != nil {
					log.Print(err)
				}
				break
			}
			time.Sleep(time.Duration(try) * 20 * time.Millisecond)
		}
	}
	lines.Check(r.Close())
}
