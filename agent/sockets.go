package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/emf"
	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
	"github.com/sidelight-dev/sidelight/agent/receiver/lines"
	"github.com/sidelight-dev/sidelight/agent/receiver/syslog"
)

// listening is a receiver with sockets. An address that it has not is nil.
type listening interface {
	TCPAddr() net.Addr
	UDPAddr() net.Addr
}

// socketInput is the source of what a receiver takes and where it goes.
func (a *Agent) socketInput(name string) receiver.Input {
	return receiver.Input{Source: name, Dest: a.names.dest(logsLane, "", name)}
}

// openSockets opens a receiver of log messages and notes where it listens.
func openSockets[T interface {
	receiving
	listening
}](a *Agent, name string, in input, open func() (T, error),
) error {
	out, err := a.process(name, logsLane, a.out.logs, in)
	if err != nil {
		return err
	}
	r, err := receive(a, name, out, open)
	if err != nil {
		return err
	}
	a.listen(name+" tcp", r.TCPAddr())
	a.listen(name+" udp", r.UDPAddr())
	return nil
}

func (a *Agent) buildSyslog(context.Context, aws.Config) error {
	c := a.cfg.Receivers.Syslog
	cfg := syslog.Config{
		TCP: on(c.TCP), UDP: on(c.UDP), Unix: on(c.Unix), MaxMessage: int(c.MaxMessage), Memory: a.socketMemory(),
		To: a.socketInput("syslog"), Unparsed: &a.strange,
	}
	if cfg.TCP == "" && cfg.UDP == "" && cfg.Unix == "" {
		return nil
	}
	var err error
	if cfg.Zone, err = time.LoadLocation(string(c.Zone)); err != nil {
		return wrap("syslog", fmt.Errorf("load the time zone: %w", err))
	}
	if cfg.TLS, err = serverTLS(c.TLS); err != nil {
		return wrap("syslog", err)
	}
	return openSockets(a, "syslog", input{}, func() (syslog.Receiver, error) {
		return syslog.New(cfg, &a.books, a.log.With("receiver", "syslog"))
	})
}

func (a *Agent) buildLines(context.Context, aws.Config) error {
	c := a.cfg.Receivers.Lines
	cfg := lines.Config{
		TCP: on(c.TCP), UDP: on(c.UDP), MaxLine: int(c.MaxLine), Memory: a.socketMemory(), To: a.socketInput("lines"),
	}
	if cfg.TCP == "" && cfg.UDP == "" {
		return nil
	}
	var err error
	if cfg.TLS, err = serverTLS(c.TLS); err != nil {
		return wrap("lines", err)
	}
	in := input{processor.Input{Format: processor.Format(c.Format), Pattern: string(c.Pattern)}, c.Timestamp}
	return openSockets(a, "lines", in, func() (lines.Receiver, error) {
		return lines.New(cfg, &a.books, a.log.With("receiver", "lines"))
	})
}

func (a *Agent) buildEMF(context.Context, aws.Config) error {
	c := a.cfg.Receivers.EMF
	cfg := emf.Config{TCP: on(c.TCP), UDP: on(c.UDP), Memory: a.socketMemory(), Dest: a.emfDest}
	if cfg.TCP == "" && cfg.UDP == "" {
		return nil
	}
	return openSockets(a, "emf", input{}, func() (*emf.Receiver, error) {
		return emf.New(cfg, &a.books, a.log.With("receiver", "emf"))
	})
}

// emfDest returns where documents go that name a group and a stream themselves.
func (a *Agent) emfDest(group, stream string) sidelight.DestHandle {
	d := a.names.dest(logsLane, "", "emf").Value()
	if group != "" {
		d.Group = groupName(group)
	}
	if stream != "" {
		d.Stream = exactStream(stream)
	}
	return d.Handle()
}

// socketMemory bounds what unfinished messages take.
func (a *Agent) socketMemory() int64 { return max(int64(a.cfg.Queue.Memory)/2, 16<<20) }

// secureForward fetches what peers of the Forward receiver need to know.
func (a *Agent) secureForward(cfg *forward.Config) error {
	c := a.cfg.Receivers.Forward
	var err error
	if cfg.TLS, err = serverTLS(c.TLS); err != nil {
		return err
	}
	if cfg.SharedKey, err = c.SharedKey.Value(); err != nil {
		return fmt.Errorf("shared_key: %w", err)
	}
	if len(c.Users) > 0 {
		cfg.Users = make(map[string]string, len(c.Users))
	}
	for _, u := range c.Users {
		if cfg.Users[u.Name], err = config.Secret(u.Value).Value(); err != nil {
			return fmt.Errorf("users: %s: %w", u.Name, err)
		}
	}
	return nil
}

// serverTLS returns what a listener needs to speak TLS, nil if it should not.
func serverTLS(c config.TLS) (*tls.Config, error) {
	if !c.On() {
		return nil, nil
	}
	pair := &keyPair{files: c}
	if _, err := pair.get(nil); err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	if c.ClientCA == "" {
		return out, nil
	}
	text, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read the client CA: %w", err)
	}
	out.ClientAuth, out.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !out.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read the client CA: %s holds no certificate", c.ClientCA)
	}
	return out, nil
}

// keyPair is a certificate and its key, read again when the files change: they
// do not live long where they are issued automatically.
type keyPair struct {
	files config.TLS

	mu      sync.Mutex
	changed time.Time
	cert    *tls.Certificate
}

// get returns the pair. While a new one cannot be read the old one serves.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.files.Cert)
	if err == nil && p.cert != nil && info.ModTime().Equal(p.changed) {
		return p.cert, nil
	}
	if err == nil {
		var cert tls.Certificate
		if cert, err = tls.LoadX509KeyPair(p.files.Cert, p.files.Key); err == nil {
			p.cert, p.changed = &cert, info.ModTime()
		}
	}
	if p.cert == nil {
		return nil, errors.Join(errors.New("read the certificate"), err)
	}
	return p.cert, nil
}
