// The part of sarama in the interop run; README.md beside this folder describes the lines.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"ottla-interop/lines"
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
		lines.Check(err)
		read(os.Args[2], os.Args[3], count)
	case "member":
		member(os.Args[2], os.Args[3], os.Args[4])
	default:
		log.Fatalf("write, read or member, not %s", os.Args[1])
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
	lines.Check(err)
	lines.Check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	lines.Check(admin.Close())
	c := config()
	lines.Check(c.Producer.Compression.UnmarshalText([]byte(codec)))
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Flush.Frequency = 5 * time.Millisecond
	c.Producer.Return.Successes = true
	producer, err := sarama.NewAsyncProducer([]string{bootstrap}, c)
	lines.Check(err)
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
	sent := 0
	lines.Each(func(record lines.Record) {
		m := &sarama.ProducerMessage{Topic: topic, Key: encoder(record.Key), Value: encoder(record.Value)}
		for _, h := range record.Headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
		}
		producer.Input() <- m
		sent++
	})
	producer.AsyncClose()
	if n := <-acked; n != sent {
		log.Fatalf("%d sent, %d acknowledged", sent, n)
	}
	fmt.Println("written", sent)
}

func read(bootstrap, topic string, count int) {
	consumer, err := sarama.NewConsumer([]string{bootstrap}, config())
	lines.Check(err)
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	lines.Check(err)
	out := lines.NewPrinter()
	for range count {
		m, open := <-partition.Messages()
		if !open {
			log.Fatal("the partition's messages ended")
		}
		record := lines.Record{Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			record.Headers = append(record.Headers, lines.Header{Name: string(h.Key), Value: h.Value})
		}
		out.Print(m.Offset, record)
	}
	out.Flush()
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
	ctx := lines.UntilInputEnds()
	c := config()
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Consumer.Group.Rebalance.Timeout = 6 * time.Second
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	g, err := sarama.NewConsumerGroup([]string{bootstrap}, group, c)
	lines.Check(err)
	for ctx.Err() == nil {
		if err := g.Consume(ctx, []string{topic}, handler{}); err != nil {
			log.Print(err)
		}
	}
	lines.Check(g.Close())
}

func encoder(bytes []byte) sarama.Encoder {
	if bytes == nil {
		return nil
	}
	return sarama.ByteEncoder(bytes)
}
