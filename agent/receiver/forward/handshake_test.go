package forward_test

import (
	"bytes"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
	"github.com/tinylib/msgp/msgp"

	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
)

func sum(parts ...string) string {
	h := sha512.Sum512([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(h[:])
}

// asText is a str or bin.
func asText(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	s, _ := v.(string)
	return s
}

// shake does a client's part of the handshake as the specification has it, and
// returns what the server says: whether it lets in, why not, and whether it has
// shown that it knows the key.
func shake(t *testing.T, c net.Conn, key, user, password string, after []byte) (ok bool, reason string, known bool) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := msgp.NewReader(c)
	var helo any
	helo, err := r.ReadIntf()
	if err != nil {
		t.Fatal(err)
	}
	list := helo.([]any)
	if len(list) != 2 || list[0] != "HELO" {
		t.Fatalf("greeted with %v", list)
	}
	options := list[1].(map[string]any)
	nonce, auth := asText(options["nonce"]), asText(options["auth"])
	if len(nonce) != 16 || options["keepalive"] != true {
		t.Fatalf("options %v", options)
	}
	const host, salt = "client.example", "0123456789abcdef"
	var ping bytes.Buffer
	w := msgp.NewWriter(&ping)
	if err := w.WriteIntf([]any{"PING", host, []byte(salt), sum(salt, host, nonce, key), user, sum(auth, user, password)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	// In two pieces, and with what follows at once.
	send(t, c, ping.Bytes()[:10])
	send(t, c, append(ping.Bytes()[10:], after...))
	pong, err := r.ReadIntf()
	if err != nil {
		t.Fatal(err)
	}
	list = pong.([]any)
	if len(list) != 5 || list[0] != "PONG" {
		t.Fatalf("answered with %v", list)
	}
	return list[1].(bool), asText(list[2]), asText(list[4]) == sum(salt, asText(list[3]), nonce, key)
}

// aMessage is ["app", 1600000000, {"a": "b"}].
const aMessage = "\x93\xa3app\xce\x5f\x5e\x10\x00\x81\xa1a\xa1b"

func TestHandshake(t *testing.T) {
	users := map[string]string{"shop": "trout", "nobody": ""}
	for name, tc := range map[string]struct {
		users               map[string]string
		key, user, password string
		reason              string
	}{
		"key":              {nil, "swordfish", "", "", ""},
		"wrong key":        {nil, "swordfisk", "", "", "shared key mismatch"},
		"no key":           {nil, "", "", "", "shared key mismatch"},
		"user":             {users, "swordfish", "shop", "trout", ""},
		"wrong password":   {users, "swordfish", "shop", "carp", "username or password mismatch"},
		"wrong user":       {users, "swordfish", "shoe", "trout", "username or password mismatch"},
		"stranger":         {users, "swordfish", "", "", "username or password mismatch"},
		"user, wrong key":  {users, "x", "shop", "trout", "shared key mismatch"},
		"user, not needed": {nil, "swordfish", "shop", "trout", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, forward.Config{SharedKey: "swordfish", Users: tc.users}, new(sink))
			c := s.dial(t)
			ok, reason, known := shake(t, c, tc.key, tc.user, tc.password, []byte(aMessage))
			if ok != (tc.reason == "") || known != ok || reason != tc.reason {
				t.Fatalf("let in: %v (%s), key known: %v; want %q", ok, reason, known, tc.reason)
			}
			if !ok {
				expectClosed(t, c)
				if n := len(s.sink.wait(t, 0)); n != 0 {
					t.Errorf("%d events of a stranger", n)
				}
				return
			}
			send(t, c, []byte(aMessage))
			s.sink.wait(t, 2)
		})
	}
}

func TestHandshakeNotMade(t *testing.T) {
	for name, sent := range map[string]string{
		"a message":  aMessage,
		"JSON":       `["PING","a","b","c","d","e"]`,
		"too long":   "\x96\xa4PING\xdb\x00\x10\x00\x00" + strings.Repeat("x", 8<<10),
		"wrong word": "\x96\xa4PONG\xa1a\xa1b\xa1c\xa1d\xa1e",
		"numbers":    "\x96\xa4PING\x01\x02\x03\x04\x05",
		"no value":   "\xc1",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, forward.Config{SharedKey: "swordfish"}, new(sink))
			c := s.dial(t)
			_, _ = c.Write([]byte(sent)) // the server may close before all is written
			if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, c); err != nil && isTimeout(err) {
				t.Error("the connection stays open")
			}
			if n := len(s.sink.wait(t, 0)); n != 0 {
				t.Errorf("%d events of a stranger", n)
			}
		})
	}
}

func TestHandshakeTakesTooLong(t *testing.T) {
	s := start(t, forward.Config{SharedKey: "swordfish", Handshake: 50 * time.Millisecond}, new(sink))
	c := s.dial(t)
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil && isTimeout(err) {
		t.Error("the connection stays open")
	}
}

// No secret is logged, whatever goes wrong, and a unix socket asks for none.
func TestHandshakeKeepsSecrets(t *testing.T) {
	var log lockedBuffer
	path := socket(t)
	s := new(sink)
	r, err := forward.New(forward.Config{
		TCP: "127.0.0.1:0", Unix: path, SharedKey: "swordfish", Users: map[string]string{"shop": "trout"}, Dest: dest,
	}, new(books), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	stop := receivertest.Run(t, r, s)
	for _, key := range []string{"swordfish", "wrong"} {
		c, err := net.Dial("tcp", r.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		shake(t, c, key, "shop", "carp", nil)
		c.Close()
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, []byte(aMessage))
	s.wait(t, 1)
	stop()
	if text := log.String(); !strings.Contains(text, "mismatch") || strings.Contains(text, "swordfish") || strings.Contains(text, "trout") {
		t.Errorf("logged:\n%s", text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestFluentClientOverTLS(t *testing.T) {
	pair := receivertest.NewPair(t)
	s := start(t, forward.Config{TCP: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{pair.Cert}}}, new(sink))
	post(t, client(t, s, fluent.Config{FluentNetwork: "tls", TlsInsecureSkipVerify: true, RequestAck: true}), s, false)
	// Plain text is not taken for anything.
	c := s.dial(t)
	send(t, c, []byte(aMessage))
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil && isTimeout(err) {
		t.Error("the connection stays open")
	}
}

func TestTLSAndHandshake(t *testing.T) {
	pair := receivertest.NewPair(t)
	s := start(t, forward.Config{TCP: "127.0.0.1:0", SharedKey: "k", TLS: &tls.Config{
		Certificates: []tls.Certificate{pair.Cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pair.Roots,
	}}, new(sink))
	c, err := tls.Dial("tcp", s.Addrs()[0].String(), &tls.Config{RootCAs: pair.Roots, Certificates: []tls.Certificate{pair.Cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ok, reason, known := shake(t, c, "k", "", "", nil); !ok || !known {
		t.Fatalf("not let in: %s", reason)
	}
	send(t, c, []byte(aMessage))
	s.sink.wait(t, 1)
}
