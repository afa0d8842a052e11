// The part of sarama in the interop run; README.md beside this folder describes the lines.
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
	"time"

	"github.com/IBM/sarama"
)

func main() {
	log.SetFlags(0)
	if os.Args[1] != "member" {
		// A client that waits for ever ends here.
		time.AfterFunc(120*time.Second, func() { log.Fatal("not done after 120 s") })
	}
	switch os.Args[1] {
	case "write":
		write(os.Args[2], os.Args[3], os.Args[4])
	case "read":
		count, err := strconv.Atoi(os.Args[4])
		check(err)
		read(os.Args[2], os.Args[3], count)
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

// The configuration that the library gives, so its own default of a protocol version.
func config() *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = "ottla-interop"
	return config
}

func write(bootstrap, topic, codec string) {
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, config())
	check(err)
	check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	check(admin.Close())
	c := config()
	check(c.Producer.Compression.UnmarshalText([]byte(codec)))
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Flush.Frequency = 5 * time.Millisecond
	c.Producer.Return.Successes = true
	producer, err := sarama.NewAsyncProducer([]string{bootstrap}, c)
	check(err)
	acked := make(chan int)
	go func() {
		n := 0
		for range producer.Successes() {
			n++
		}
		acked <- n
	}()
	go func() {
		for err := range producer.Errors() {
			log.Fatal(err)
		}
	}()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	sent := 0
	for in.Scan() {
		part := strings.Split(in.Text(), "\t")
		m := &sarama.ProducerMessage{Topic: topic, Key: encoder(part[0]), Value: encoder(part[1])}
		if part[2] != "" {
			for _, h := range strings.Split(part[2], ",") {
				name, value, _ := strings.Cut(h, ":")
				m.Headers = append(m.Headers, sarama.RecordHeader{Key: unhex(name), Value: unhex(value)})
			}
		}
		producer.Input() <- m
		sent++
	}
	check(in.Err())
	producer.AsyncClose()
	if n := <-acked; n != sent {
		log.Fatalf("%d sent, %d acknowledged", sent, n)
	}
	fmt.Println("written", sent)
}

func read(bootstrap, topic string, count int) {
	consumer, err := sarama.NewConsumer([]string{bootstrap}, config())
	check(err)
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	check(err)
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	for range count {
		m, open := <-partition.Messages()
		if !open {
			log.Fatal("the partition's messages ended")
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t", m.Offset, text(m.Key), text(m.Value))
		for i, h := range m.Headers {
			if i > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(out, "%s:%s", text(h.Key), text(h.Value))
		}
		out.WriteByte('\n')
	}
	check(out.Flush())
	// Closing would wait for the fetch that is under way.
}

type handler struct{}

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, open := <-claim.Messages():
			if !open {
				return nil
			}
			fmt.Println(m.Partition, m.Offset, string(m.Value))
			session.MarkMessage(m, "")
			if len(claim.Messages()) == 0 {
				session.Commit()
			}
		case <-session.Context().Done():
			session.Commit()
			return nil
		}
	}
}

// A member of a group that leaves at the end of standard input.
func member(bootstrap, group, topic string) {
	ctx, leave := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		leave()
	}()
	c := config()
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Consumer.Group.Rebalance.Timeout = 6 * time.Second
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	g, err := sarama.NewConsumerGroup([]string{bootstrap}, group, c)
	check(err)
	for ctx.Err() == nil {
		if err := g.Consume(ctx, []string{topic}, handler{}); err != nil {
			log.Print(err)
		}
	}
	check(g.Close())
}

func encoder(s string) sarama.Encoder {
	if s == "-" {
		return nil
	}
	return sarama.ByteEncoder(unhex(s))
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
