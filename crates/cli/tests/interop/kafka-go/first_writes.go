package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla-interop/lines"
)

// firstWrites writes one record to each of `count` topics that do not exist yet, with auto-creation and a single
// attempt, and prints how many writes failed. Arguments: BOOTSTRAP PREFIX COUNT WRITERS.
func firstWrites(ctx context.Context, args []string) {
	count, err := strconv.Atoi(args[2])
	lines.Check(err)
	writers, err := strconv.Atoi(args[3])
	lines.Check(err)
	topics := make(chan string)
	var lock sync.Mutex
	failures := map[string]int{}
	failed := 0
	var group sync.WaitGroup
	for range writers {
		w := &kafka.Writer{
			Addr: kafka.TCP(args[0]), AllowAutoTopicCreation: true, BatchTimeout: 5 * time.Millisecond, MaxAttempts: 1,
			RequiredAcks: kafka.RequireAll,
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for topic := range topics {
				if err := w.WriteMessages(ctx, kafka.Message{Topic: topic, Value: []byte(topic)}); err != nil {
					lock.Lock()
					failures[err.Error()]++
					failed++
					lock.Unlock()
				}
			}
			lines.Check(w.Close())
		}()
	}
	start := time.Now()
	for i := range count {
		topics <- fmt.Sprintf("%s-%d", args[1], i)
	}
	close(topics)
	group.Wait()
	for text, n := range failures {
		fmt.Printf("error %d x %s\n", n, text)
	}
	fmt.Printf("first writes %d, failed %d, %.1f s\n", count, failed, time.Since(start).Seconds())
}
