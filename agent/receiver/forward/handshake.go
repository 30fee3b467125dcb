package forward

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// maxPing bounds the bytes of a peer's part of the handshake.
const maxPing = 4 << 10

// errPing is a peer that does not answer a greeting as it should.
var errPing = errors.New("handshake: the peer did not answer with PING; does it know that a shared key is needed?")

// refusal is why a peer was not let in. It is told to the peer too.
type refusal struct{ reason string }

func (r refusal) Error() string { return "handshake refused: " + r.reason }

// greet begins a connection over TCP: TLS if it is configured, then the handshake
// if there is a shared key. Unix sockets have permissions instead.
func (c *conn) greet(ctx context.Context) error {
	if c.nc.LocalAddr().Network() != "tcp" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.r.cfg.Handshake)
	defer cancel()
	if t, ok := c.nc.(*tls.Conn); ok {
		if err := t.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
	}
	if c.r.cfg.SharedKey == "" {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(time.Unix(1, 0)) })
	err := c.handshake()
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// handshake lets a peer in that knows the shared key, and a user's password if
// there are users (Forward protocol v1, "Handshake Messages").
func (c *conn) handshake() error {
	var nonce, salt [16]byte
	// It never fails (crypto/rand).
	_, _ = rand.Read(nonce[:])
	_, _ = rand.Read(salt[:])
	auth := salt[:]
	if len(c.r.cfg.Users) == 0 {
		auth = nil
	}
	if _, err := c.nc.Write(appendHelo(nil, nonce[:], auth)); err != nil {
		return err
	}
	p, err := c.readPing()
	if err != nil {
		return err
	}
	refused := c.r.cfg.judge(&p, nonce[:], auth)
	var pong []byte
	if refused == nil {
		pong = appendPong(nil, "", c.r.cfg.Hostname, hexDigest(p.salt, []byte(c.r.cfg.Hostname), nonce[:], []byte(c.r.cfg.SharedKey)))
	} else {
		pong = appendPong(nil, refused.reason, "", "")
	}
	if _, err := c.nc.Write(pong); err != nil {
		return err
	}
	if refused != nil {
		return *refused
	}
	return nil
}

// ping is what a peer says of itself. Its fields borrow the connection's buffer.
type ping struct{ host, salt, digest, user, password []byte }

// readPing reads the peer's part. What comes behind it stays in the buffer.
func (c *conn) readPing() (p ping, err error) {
	for {
		n, err := c.nc.Read(c.buf[c.end:maxPing])
		if err != nil {
			return p, err
		}
		c.end += n
		end, err := skip(c.buf[:c.end], 0)
		switch {
		case err == nil:
			c.start = end
			return parsePing(c.buf[:end])
		case !errors.Is(err, errShort) || c.end == maxPing:
			return p, errPing
		}
	}
}

// parsePing reads ["PING", host, salt, digest, user, password].
func parsePing(b []byte) (p ping, err error) {
	t, i, err := read(b, 0)
	if err != nil || t.kind != arrayKind || t.size != 6 {
		return p, errPing
	}
	var word []byte
	for _, field := range []*[]byte{&word, &p.host, &p.salt, &p.digest, &p.user, &p.password} {
		if *field, i, err = text(b, i); err != nil {
			return p, errPing
		}
	}
	if string(word) != "PING" {
		return p, errPing
	}
	return p, nil
}

// judge returns why p is refused, nil if it is not. It takes as long whatever of
// a digest or a name is wrong.
func (c *Config) judge(p *ping, nonce, auth []byte) *refusal {
	if !matches(p.digest, hexDigest(p.salt, p.host, nonce, []byte(c.SharedKey))) {
		return &refusal{"shared key mismatch"}
	}
	if auth == nil {
		return nil
	}
	password, known := c.Users[string(p.user)]
	if ok := matches(p.password, hexDigest(auth, p.user, []byte(password))); !ok || !known {
		return &refusal{"username or password mismatch"}
	}
	return nil
}

func matches(got []byte, want string) bool { return subtle.ConstantTimeCompare(got, []byte(want)) == 1 }

func hexDigest(parts ...[]byte) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// appendHelo appends ["HELO", {"nonce": bin, "auth": bin or "", "keepalive": true}].
func appendHelo(dst, nonce, auth []byte) []byte {
	dst = appendText(append(dst, 0x92), "HELO")
	dst = appendText(append(dst, 0x83), "nonce")
	dst = append(append(dst, 0xc4, byte(len(nonce))), nonce...)
	dst = appendText(dst, "auth")
	if auth == nil {
		dst = appendText(dst, "")
	} else {
		dst = append(append(dst, 0xc4, byte(len(auth))), auth...)
	}
	return append(appendText(dst, "keepalive"), 0xc3)
}

// appendPong appends ["PONG", whether there is no reason, reason, host, digest].
func appendPong(dst []byte, reason, host, digest string) []byte {
	dst = appendText(append(dst, 0x95), "PONG")
	if reason == "" {
		dst = append(dst, 0xc3)
	} else {
		dst = append(dst, 0xc2)
	}
	return appendText(appendText(appendText(dst, reason), host), digest)
}

// appendText appends a str of less than 65,536 bytes.
func appendText(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	default:
		dst = append(dst, 0xda, byte(n>>8), byte(n))
	}
	return append(dst, s...)
}
