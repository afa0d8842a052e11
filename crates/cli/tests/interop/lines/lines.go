// Package lines is what the programs in Go share: the lines that README.md beside this folder describes, and how a
// program ends.
package lines

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

// Longest line that a writer is given.
const longest = 1 << 20

type Header struct {
	Name  string
	Value []byte
}

type Record struct {
	Key, Value []byte
	Headers    []Header
}

// Check ends the program where an error is left.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Each gives every record of standard input.
func Each(take func(Record)) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, longest), longest)
	for in.Scan() {
		part := strings.Split(in.Text(), "\t")
		record := Record{Key: unhex(part[0]), Value: unhex(part[1])}
		if part[2] != "" {
			for _, header := range strings.Split(part[2], ",") {
				name, value, _ := strings.Cut(header, ":")
				record.Headers = append(record.Headers, Header{string(unhex(name)), unhex(value)})
			}
		}
		take(record)
	}
	Check(in.Err())
}

// Printer writes records that were read to standard output.
type Printer struct{ out *bufio.Writer }

func NewPrinter() Printer {
	return Printer{bufio.NewWriterSize(os.Stdout, 1<<16)}
}

func (p Printer) Print(offset int64, record Record) {
	fmt.Fprintf(p.out, "%d\t%s\t%s\t", offset, text(record.Key), text(record.Value))
	for i, header := range record.Headers {
		if i > 0 {
			p.out.WriteByte(',')
		}
		fmt.Fprintf(p.out, "%s:%s", hex.EncodeToString([]byte(header.Name)), text(header.Value))
	}
	p.out.WriteByte('\n')
}

func (p Printer) Flush() {
	Check(p.out.Flush())
}

// UntilInputEnds is done at the end of standard input, when a member has to leave.
func UntilInputEnds() context.Context {
	ctx, leave := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		leave()
	}()
	return ctx
}

func unhex(s string) []byte {
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	Check(err)
	return b
}

func text(b []byte) string {
	if b == nil {
		return "-"
	}
	return hex.EncodeToString(b)
}
