package forward

import (
	"bytes"
	"testing"
)

// FuzzPing lets anything answer the greeting: only who knows the key gets in.
func FuzzPing(f *testing.F) {
	const host, salt, nonce, key = "client.example", "0123456789abcdef", "fedcba9876543210", "swordfish"
	good := appendText([]byte{0x96}, "PING")
	for _, s := range []string{host, salt, hexDigest([]byte(salt), []byte(host), []byte(nonce), []byte(key)), "shop", "trout"} {
		good = appendText(good, s)
	}
	for _, b := range [][]byte{good, good[:40], {0x96}, {0xc1}, []byte("\x96\xa4PING\x81\xa1a\x90\xc4\x01x\xc0\x01\xd9"), appendHelo(nil, []byte(nonce), nil)} {
		f.Add(b)
	}
	cfg := Config{SharedKey: key}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePing(b)
		if err != nil {
			return
		}
		if cfg.judge(&p, []byte(nonce), nil) == nil && !bytes.Equal(p.digest, []byte(hexDigest(p.salt, p.host, []byte(nonce), []byte(key)))) {
			t.Errorf("let in: %q", b)
		}
		users := Config{SharedKey: key, Users: map[string]string{"shop": "trout"}}
		if users.judge(&p, []byte(nonce), []byte("0123456789abcdef")) == nil && string(p.user) != "shop" {
			t.Errorf("let in as %q", p.user)
		}
	})
}
