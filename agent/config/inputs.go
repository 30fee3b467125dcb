package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Syslog listens for syslog messages.
type Syslog struct {
	TCP        Address `key:"tcp"`
	UDP        Address `key:"udp"`
	Unix       Address `key:"unix" doc:"path of a datagram socket, such as /dev/log"`
	TLS        TLS     `key:"tls" doc:"spoken over TCP"`
	Zone       Zone    `key:"zone" doc:"of times that name none, such as Europe/Berlin"`
	MaxMessage Bytes   `key:"max_message" min:"1KiB" max:"16MiB" doc:"a longer message becomes several"`
}

// Lines listens for log events as lines.
type Lines struct {
	TCP       Address       `key:"tcp"`
	UDP       Address       `key:"udp"`
	TLS       TLS           `key:"tls" doc:"spoken over TCP"`
	Format    ContentFormat `key:"format" doc:"plain, json, logfmt or regex"`
	Pattern   Pattern       `key:"pattern" doc:"of the format regex: named groups become members"`
	Timestamp Timestamp     `key:"timestamp" short:"key" doc:"the member that holds the time"`
	MaxLine   Bytes         `key:"max_line" min:"1KiB" max:"16MiB" doc:"a longer line becomes several"`
}

// EMF listens for documents in CloudWatch's embedded metric format.
type EMF struct {
	TCP Address `key:"tcp"`
	UDP Address `key:"udp"`
}

// TLS names the files of a TLS server. They are read again when they change.
type TLS struct {
	Cert     string `key:"cert" doc:"file of the certificate and those that lead to its root, in PEM"`
	Key      string `key:"key" doc:"file of its private key, in PEM"`
	ClientCA string `key:"client_ca" doc:"file of roots; peers must then show a certificate of one of them"`
}

// On reports whether TLS is wanted.
func (t TLS) On() bool { return t.Cert != "" }

// Secret is a text that must not be shown, env:NAME for the value of an
// environment variable, or file:PATH for what a file holds, without the line end.
type Secret string

func (s *Secret) parse(text string) error {
	switch {
	case text == "env:" || text == "file:":
		return errors.New("expected the text, env:NAME or file:PATH")
	case strings.HasPrefix(text, "file:") && !strings.HasPrefix(text, "file:/"):
		return errors.New("expected an absolute path, as in file:/run/secrets/key")
	}
	*s = Secret(text)
	return nil
}

// String returns where the secret is, or stars.
func (s Secret) String() string {
	if s == "" || strings.HasPrefix(string(s), "env:") || strings.HasPrefix(string(s), "file:") {
		return string(s)
	}
	return "********"
}

// GoString keeps the secret out of %#v.
func (s Secret) GoString() string { return s.String() }

// Value fetches the secret. No error tells it.
func (s Secret) Value() (string, error) {
	if name, ok := strings.CutPrefix(string(s), "env:"); ok {
		v := os.Getenv(name)
		if v == "" {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		return v, nil
	}
	path, ok := strings.CutPrefix(string(s), "file:")
	if !ok {
		return string(s), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	v := strings.TrimRight(string(text), "\r\n")
	if v == "" {
		return "", fmt.Errorf("read a secret: %s is empty", path)
	}
	return v, nil
}

// literal reports whether the secret stands in s itself.
func (s Secret) literal() bool { return s != "" && s.String() != string(s) }

// Users are names and passwords, in the order of the file.
type Users []Pair

func (Users) check(value string) error {
	if value == "" {
		return errors.New("expected a password, env:NAME or file:PATH")
	}
	var s Secret
	return s.parse(value)
}

// hideSecrets takes the secrets that stand in the file out of the lines that
// problems show.
func (d *decoder) hideSecrets(cfg *Config) {
	secrets := []Secret{cfg.Receivers.Forward.SharedKey}
	for _, u := range cfg.Receivers.Forward.Users {
		secrets = append(secrets, Secret(u.Value))
	}
	for _, j := range cfg.Receivers.Prometheus {
		secrets = append(secrets, j.BasicAuth.Password)
	}
	for _, s := range secrets {
		if !s.literal() {
			continue
		}
		stars := strings.Repeat("*", len([]rune(string(s))))
		for i := range d.problems {
			r := &d.problems[i].Range
			r.Source = strings.ReplaceAll(r.Source, string(s), stars)
		}
	}
}

// checkInputs looks at the values of the listeners for logs together.
func (d *decoder) checkInputs(cfg *Config, clash clashFunc) {
	r := cfg.Receivers
	checkTLS("receivers.forward", r.Forward.TCP, r.Forward.TLS, clash)
	checkJournald(r.Journald, clash)
	checkPrometheus(r.Prometheus, clash)
	checkTLS("receivers.syslog", r.Syslog.TCP, r.Syslog.TLS, clash)
	checkTLS("receivers.lines", r.Lines.TCP, r.Lines.TLS, clash)
	if r.Syslog.Unix.On() && !strings.HasPrefix(string(r.Syslog.Unix), "/") {
		clash("receivers.syslog.unix", fmt.Sprintf("%q is not a path", r.Syslog.Unix), "expected /dev/log or the like")
	}
	for path, a := range map[string]Address{"receivers.statsd.unix": r.StatsD.Unix, "receivers.statsd.stream": r.StatsD.Stream} {
		if a.On() && !strings.HasPrefix(string(a), "/") {
			clash(path, fmt.Sprintf("%q is not a path", a), "expected /var/run/datadog/dsd.socket or the like")
		}
	}
	if len(r.Forward.Users) > 0 && r.Forward.SharedKey == "" && !d.given("receivers.forward.shared_key") {
		clash("receivers.forward.users", "users need a shared key: the protocol asks for both at once", "add shared_key: file:/run/secrets/forward")
	}
	d.checkPattern("receivers.lines", r.Lines.Format == "regex", r.Lines.Pattern, clash)
}

func checkTLS(path string, tcp Address, t TLS, clash clashFunc) {
	switch {
	case t == TLS{}:
	case t.Cert == "" || t.Key == "":
		clash(path+".tls", "TLS needs a certificate and its key", "expected {cert: /etc/sidelight/tls.crt, key: /etc/sidelight/tls.key}")
	case tcp == Off || tcp == "":
		clash(path+".tls", "TLS is spoken over TCP, which is off", "add tcp: 0.0.0.0:6514, or remove tls")
	}
}
