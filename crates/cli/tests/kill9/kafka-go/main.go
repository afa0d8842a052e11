// The part of segmentio/kafka-go in the kill -9 rounds; README.md beside this folder describes records and lines.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	log.SetFlags(0)
	if os.Args[1] != "write" {
		log.Fatalf("write, not %s", os.Args[1])
	}
	rate, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	write(os.Args[2], rate)
}

// write sends chunk after chunk from one goroutine: the Writer keeps the order of each partition inside and between them.
func write(bootstrap string, rate int) {
	lines := make(chan string, 1024)
	printed := make(chan struct{})
	go printer(lines, printed)
	w := &kafka.Writer{
		Addr: kafka.TCP(bootstrap), RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond,
		MaxAttempts: 100000, WriteBackoffMin: 20 * time.Millisecond, WriteBackoffMax: 100 * time.Millisecond,
		WriteTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		Balancer:   kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.WriterData.(int) }),
		Completion: func(messages []kafka.Message, err error) { completed(lines, messages, err) },
	}
	var stop atomic.Bool
	go stopOnInput(&stop)
	seq, due := 0, time.Now()
	for !stop.Load() {
		chunk := make([]kafka.Message, 0, rate/50)
		for range rate / 50 {
			chunk = append(chunk, kafka.Message{
				Topic: "kill9-" + strconv.Itoa(seq/16%8), WriterData: seq / 128 % 4, Key: strconv.AppendInt(nil, int64(seq), 10), Value: value(seq),
			})
			seq++
		}
		// What became of each record is told by Completion. Any other error comes before a record is taken.
		var told kafka.WriteErrors
		for err := w.WriteMessages(context.Background(), chunk...); err != nil && !errors.As(err, &told); {
			time.Sleep(20 * time.Millisecond)
			err = w.WriteMessages(context.Background(), chunk...)
		}
		due = due.Add(20 * time.Millisecond)
		if late := time.Now().Add(-50 * time.Millisecond); due.Before(late) {
			due = late
		}
		time.Sleep(time.Until(due))
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	lines <- fmt.Sprintf("done kafka-go %d\n", seq)
	close(lines)
	<-printed
}

func completed(lines chan<- string, messages []kafka.Message, err error) {
	var text strings.Builder
	for i := range messages {
		m := &messages[i]
		if err == nil {
			fmt.Fprintf(&text, "ack %s %d %d kafka-go %s\n", m.Topic, m.Partition, m.Offset, m.Key)
		} else {
			fmt.Fprintf(&text, "fail kafka-go %s %s\n", m.Key, strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	lines <- text.String()
}

func printer(lines <-chan string, printed chan<- struct{}) {
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	for text := range lines {
		out.WriteString(text)
		if len(lines) == 0 {
			if err := out.Flush(); err != nil {
				os.Exit(3)
			}
		}
	}
	out.Flush()
	close(printed)
}

func stopOnInput(stop *atomic.Bool) {
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		os.Exit(3)
	}
	stop.Store(true)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
	}
}

func value(seq int) []byte {
	value := []byte("kafka-go:" + strconv.Itoa(seq) + ":")
	for i := range 100 + seq*7919%1000 {
		value = append(value, byte('a'+(seq%26+i)%26))
	}
	return value
}
