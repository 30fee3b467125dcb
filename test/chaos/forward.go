//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"

	"github.com/tinylib/msgp/msgp"
)

// window is how many chunks a Forward sender has under way.
const window = 64

// pending is a chunk that was not acknowledged yet.
type pending struct {
	name     string
	first, n int
	message  []byte
}

// forwarder is a sender of the Forward protocol that wants acknowledgements. It
// keeps each chunk until it has been acknowledged, and sends what was not again
// on a new connection.
type forwarder struct {
	ledger *ledger
	load   load
	addr   string
	conn   net.Conn
	acks   chan ack
	under  []pending
}

// ack is an answer that came in on a connection, or why no more will come.
type ack struct {
	from net.Conn
	name string
	err  error
}

func sendForward(ctx context.Context, l *ledger, load load, addr string) error {
	f := &forwarder{ledger: l, load: load, addr: addr, acks: make(chan ack, window)}
	defer f.hangUp()
	err := load.pace(ctx, func(n int) error {
		for len(f.under) >= window {
			if err := f.listen(ctx, true); err != nil {
				return err
			}
		}
		first := l.give(fromForward, n)
		p := pending{strconv.Itoa(first), first, n, load.message(first, n)}
		f.under = append(f.under, p)
		if f.conn == nil {
			return f.dial(ctx) // which sends all that is under way
		}
		if _, err := f.conn.Write(p.message); err != nil {
			return f.dial(ctx)
		}
		return f.listen(ctx, false)
	})
	for err == nil && len(f.under) > 0 {
		err = f.listen(ctx, true)
	}
	return err
}

func (f *forwarder) hangUp() {
	if f.conn != nil {
		_ = f.conn.Close()
		f.conn = nil
	}
}

// dial connects until it succeeds, and sends what is not acknowledged.
func (f *forwarder) dial(ctx context.Context) error {
	for {
		f.hangUp()
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", f.addr)
		if err == nil {
			f.conn = c
			go f.read(ctx, c)
			for i := 0; i < len(f.under) && err == nil; i++ {
				_, err = c.Write(f.under[i].message)
			}
		}
		if err == nil {
			return nil
		}
		if err := pause(ctx, retry); err != nil {
			return err
		}
	}
}

// read hands on the answers of a connection.
func (f *forwarder) read(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	r := msgp.NewReader(c)
	for {
		var answer map[string]string
		n, err := r.ReadMapHeader()
		for range n {
			var k, v string
			if err == nil {
				k, err = r.ReadString()
			}
			if err == nil {
				v, err = r.ReadString()
			}
			if answer == nil {
				answer = map[string]string{}
			}
			answer[k] = v
		}
		select {
		case f.acks <- ack{c, answer["ack"], err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// listen takes in answers: those that are there, or, if it may wait, one.
func (f *forwarder) listen(ctx context.Context, wait bool) error {
	for {
		var a ack
		select {
		case a = <-f.acks:
		default:
			if !wait {
				return nil
			}
			select {
			case a = <-f.acks:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		wait = false
		if a.from != f.conn {
			if a.err == nil {
				f.settle(a.name)
			}
			continue
		}
		if a.err != nil {
			if !errors.Is(a.err, io.EOF) || len(f.under) > 0 {
				return f.dial(ctx)
			}
			f.hangUp()
			return nil
		}
		f.settle(a.name)
	}
}

func (f *forwarder) settle(name string) {
	for i, p := range f.under {
		if p.name == name {
			f.ledger.acknowledge(fromForward, p.first, p.n)
			f.under = append(f.under[:i], f.under[i+1:]...)
			return
		}
	}
}

// message is a PackedForward message that asks for an acknowledgement.
func (l *load) message(first, n int) []byte {
	var entries []byte
	for i := range n {
		at := l.at(first + i)
		entries = append(entries, 0x92, 0xd7, 0) // an EventTime is an extension of type 0
		entries = binary.BigEndian.AppendUint32(entries, uint32(at.Unix()))
		entries = binary.BigEndian.AppendUint32(entries, uint32(at.Nanosecond()))
		entries = msgp.AppendMapHeader(entries, 1)
		entries = msgp.AppendString(entries, "log")
		entries = msgp.AppendString(entries, l.text(fromForward, first+i))
	}
	b := msgp.AppendArrayHeader(nil, 3)
	b = msgp.AppendString(b, "chaos")
	b = msgp.AppendBytes(b, entries)
	b = msgp.AppendMapHeader(b, 2)
	b = msgp.AppendInt(msgp.AppendString(b, "size"), n)
	return msgp.AppendString(msgp.AppendString(b, "chunk"), strconv.Itoa(first))
}
