// Package lines receives log events as lines over TCP and UDP: documents in
// JSON, one a line, or text. What a line means is the business of the processors
// behind it; the receiver passes it on as it is.
package lines

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// Config says where to listen. Zero fields take the defaults.
type Config struct {
	// TCP and UDP are addresses. At least one must be given.
	TCP, UDP string
	// TLS, if not nil, is spoken over TCP.
	TLS *tls.Config
	// MaxLine is the most bytes of a line; a longer one becomes several. Default
	// 1 MiB.
	MaxLine int
	// Memory bounds the bytes of unfinished lines. Default 16 MiB.
	Memory int64
	// To is where lines go.
	To receiver.Input
}

// Receiver takes lines.
type Receiver struct{ *receiver.Sockets }

var _ sidelight.Receiver = Receiver{}

// New opens the sockets.
func New(cfg Config, books receiver.Books, log *slog.Logger) (Receiver, error) {
	if cfg.To == (receiver.Input{}) {
		return Receiver{}, errors.New("lines receiver: no destination")
	}
	s, err := receiver.OpenSockets(receiver.SocketsConfig{
		Name: "lines", TCP: cfg.TCP, UDP: cfg.UDP, TLS: cfg.TLS, MaxMessage: cfg.MaxLine, Memory: cfg.Memory,
		To: cfg.To, Decode: func(*receiver.Message) string { return "" },
	}, books, log)
	if err != nil {
		return Receiver{}, fmt.Errorf("lines receiver: %w", err)
	}
	return Receiver{s}, nil
}
