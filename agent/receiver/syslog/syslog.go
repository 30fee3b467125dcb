// Package syslog receives syslog messages, of RFC 5424 and of what RFC 3164
// found in use, over TCP (with TLS or without), UDP and a unix socket like
// /dev/log, and makes a JSON document of each, see docs/format/log-document.md.
//
// Over TCP messages are told apart by their length, by line ends or by zero
// bytes, whatever the peer does. A message that is not syslog goes on as text
// and is counted.
package syslog

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// Config says where to listen. Zero fields take the defaults.
type Config struct {
	// TCP and UDP are addresses, Unix is the path of a datagram socket. At least
	// one must be given.
	TCP, UDP, Unix string
	// UnixMode is the permissions of the socket. Default 0666.
	UnixMode fs.FileMode
	// TLS, if not nil, is spoken over TCP (RFC 5425).
	TLS *tls.Config
	// Zone is that of times which name none. Default UTC.
	Zone *time.Location
	// MaxMessage is the most bytes of a message; a longer one becomes several.
	// Default 1 MiB.
	MaxMessage int
	// Memory bounds the bytes of unfinished messages. Default 16 MiB.
	Memory int64
	// To is where messages go.
	To receiver.Input
	// Unparsed, if not nil, counts messages that are not syslog.
	Unparsed *atomic.Int64
}

// Receiver is a syslog server.
type Receiver struct{ *receiver.Sockets }

var _ sidelight.Receiver = Receiver{}

// New opens the sockets.
func New(cfg Config, books receiver.Books, log *slog.Logger) (Receiver, error) {
	if cfg.To == (receiver.Input{}) {
		return Receiver{}, errors.New("syslog receiver: no destination")
	}
	p := parser{zone: cfg.Zone, unparsed: cfg.Unparsed}
	if p.zone == nil {
		p.zone = time.UTC
	}
	if p.unparsed == nil {
		p.unparsed = new(atomic.Int64)
	}
	s, err := receiver.OpenSockets(receiver.SocketsConfig{
		Name: "syslog", TCP: cfg.TCP, UDP: cfg.UDP, Unix: cfg.Unix, UnixMode: cfg.UnixMode, TLS: cfg.TLS,
		Octets: true, Whole: true, MaxMessage: cfg.MaxMessage, Memory: cfg.Memory, To: cfg.To, Decode: p.decode,
	}, books, log)
	if err != nil {
		return Receiver{}, fmt.Errorf("syslog receiver: %w", err)
	}
	return Receiver{s}, nil
}
