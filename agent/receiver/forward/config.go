package forward

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
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
	// TLS, if not nil, is spoken over TCP.
	TLS *tls.Config
	// SharedKey is what peers over TCP must know. Empty: anyone is let in.
	SharedKey string
	// Users are names and passwords, one of which peers over TCP must know too.
	// Empty: none is asked for.
	Users map[string]string
	// Hostname is what this server calls itself in the handshake. Fluentd lets no
	// server in that is called as itself, which in a pod would be so. Default: the
	// host's name after "sidelight@".
	Hostname string
	// Handshake is how long TLS and the handshake may take. Default 10 s.
	Handshake time.Duration
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
	// message that has begun and for acknowledgements. A peer that reads those
	// has half a second more to close its side. Default 1 s.
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
	if c.Handshake == 0 {
		c.Handshake = 10 * time.Second
	}
	if c.Hostname == "" {
		host, _ := os.Hostname()
		c.Hostname = "sidelight@" + host
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.TCP == "" && c.Unix == "" {
		bad("tcp or unix: one of them must be set")
	}
	if len(c.Unix) > receiver.MaxUnixPath {
		bad("unix: %q is longer than %d bytes, the most a socket's path may have", c.Unix, receiver.MaxUnixPath)
	}
	if c.UnixMode&^fs.ModePerm != 0 {
		bad("unix mode: %v is more than permissions", c.UnixMode)
	}
	if c.TCP == "" && (c.TLS != nil || c.SharedKey != "") {
		bad("tls, shared_key: both are for tcp, which is not set")
	}
	if len(c.Users) > 0 && c.SharedKey == "" {
		bad("users: the protocol asks for a shared key too")
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
