package forward

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Config says where a Receiver listens and what it allows. Zero fields take the
// defaults.
type Config struct {
	// TCP is the address to listen on, such as "127.0.0.1:24224". Empty: none.
	TCP string
	// Unix is the path of the socket to listen on. Empty: none. A file left
	// there by a process that is gone is removed.
	Unix string
	// UnixMode is the socket's permissions. Default 0660.
	UnixMode fs.FileMode
	// SharedKey must be empty: this receiver does not authenticate its peers,
	// and refuses a configuration that expects it to.
	SharedKey string
	// MaxMessage is the greatest length of one message in bytes, and of one
	// record inside a compressed one. Default 64 MiB.
	MaxMessage int
	// MaxExpanded is the greatest length of one compressed message once it is
	// expanded. Default eight times MaxMessage.
	MaxExpanded int64
	// Memory bounds the bytes of unfinished messages, over all connections,
	// beyond a connection's first 64 KiB. Default twice MaxMessage.
	Memory int64
	// Connections is how many peers may be connected at once; the next one is
	// closed again. Default 512.
	Connections int
	// Stall is how long a peer may pause inside a message, or leave an answer
	// unread, before its connection is closed. Between messages it may be
	// silent for ever; TCP keep-alive finds those that are gone. Default 60 s.
	Stall time.Duration
	// Linger is how long the stop of Run waits, at most, for the rest of a
	// message that has begun and for acknowledgements. Default 1 s.
	Linger time.Duration
	// Dest returns where the events of a tag go. It is called once for each
	// tag, see receiver.Dests.
	Dest func(tag string) sidelight.DestHandle
}

func (c Config) withDefaults() Config {
	if c.UnixMode == 0 {
		c.UnixMode = 0o660
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 64 << 20
	}
	if c.MaxExpanded == 0 {
		c.MaxExpanded = 8 * int64(c.MaxMessage)
	}
	if c.Memory == 0 {
		c.Memory = 2 * int64(c.MaxMessage)
	}
	if c.Connections == 0 {
		c.Connections = 512
	}
	if c.Stall == 0 {
		c.Stall = time.Minute
	}
	if c.Linger == 0 {
		c.Linger = time.Second
	}
	return c
}

// maxUnixPath is the length of sun_path in Linux' sockaddr_un less its zero.
const maxUnixPath = 107

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.TCP == "" && c.Unix == "" {
		bad("tcp or unix: one of them must be set")
	}
	if len(c.Unix) > maxUnixPath {
		bad("unix: %q is longer than %d bytes, the most a socket's path may have", c.Unix, maxUnixPath)
	}
	if c.UnixMode&^fs.ModePerm != 0 {
		bad("unix mode: %v is more than permissions", c.UnixMode)
	}
	if c.SharedKey != "" {
		bad("shared_key: this receiver does not authenticate peers; remove the key on both sides and let it listen on loopback or a unix socket")
	}
	if c.MaxMessage < 0 || c.MaxExpanded < 0 || c.Memory < 0 || c.Connections < 0 || c.Stall < 0 || c.Linger < 0 {
		bad("limits: none may be negative")
	}
	if c.Memory < int64(c.MaxMessage) {
		bad("memory: %d bytes cannot hold one message of %d", c.Memory, c.MaxMessage)
	}
	if c.Dest == nil {
		bad("dest: a function is needed")
	}
	return errors.Join(errs...)
}
