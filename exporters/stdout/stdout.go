// Package stdout writes documents to standard output, one a line: for looking at
// what the agent would send, and for platforms that collect it.
package stdout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Limits of one write. They only bound how much is written at a time.
const (
	maxEvents = 10_000
	maxWire   = 1 << 20
)

// Output is where lines go. Write returns how much of p was taken before ctx
// ended.
type Output interface {
	Write(ctx context.Context, p []byte) (int, error)
}

// Exporter implements sidelight.Exporter.
type Exporter struct {
	out Output

	mu   sync.Mutex // lines do not mix
	torn bool       // the last line was not written to its end
}

var _ sidelight.Exporter = (*Exporter)(nil)

// New returns an exporter that writes to f, mostly os.Stdout. A reader that does
// not read makes attempts fail; nobody is blocked longer than an attempt may
// take.
func New(f *os.File) (*Exporter, error) {
	out, err := open(f)
	if err != nil {
		return nil, err
	}
	return To(out), nil
}

// To returns an exporter that writes to out.
func To(out Output) *Exporter { return &Exporter{out: out} }

// Limits bounds one write.
func (*Exporter) Limits() sidelight.Limits {
	return sidelight.Limits{Events: maxEvents, Weight: 1, Wire: maxWire}
}

// Weigh counts nothing: there is no such limit.
func (*Exporter) Weigh(*sidelight.Event) int { return 0 }

// Begin writes nothing.
func (*Exporter) Begin(dst []byte, _ sidelight.Dest) []byte { return dst }

// Append writes a document and a newline. White space between the members of a
// document may be newlines: they become spaces. In text a newline becomes the
// two characters \n.
func (*Exporter) Append(dst []byte, e *sidelight.Event) []byte {
	rest := bytes.TrimRight(e.Body, "\r\n")
	isText := len(rest) == 0 || rest[0] != '{'
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		dst = append(dst, rest[:i]...)
		if isText {
			dst = append(dst, '\\', 'n')
		} else {
			dst = append(dst, ' ')
		}
		rest = rest[i+1:]
	}
	return append(append(dst, rest...), '\n')
}

// End adds nothing.
func (*Exporter) End(dst []byte) []byte { return dst }

// errStalled is what a reader that does not read looks like.
var errStalled = errors.New("standard output takes nothing")

// Export writes b. What was not written in time is to be tried again; a line
// that was begun is then written again, whole, on a line of its own.
func (x *Exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	const op = "write to standard output"
	if b.Coding != sidelight.Identity {
		return sidelight.Receipt{}, &sidelight.Fault{Kind: sidelight.Rejected, Op: op, Err: errors.New("the block is compressed")}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.torn {
		if n, err := x.out.Write(ctx, []byte{'\n'}); n == 0 {
			return sidelight.Receipt{}, fault(ctx, op, err)
		}
		x.torn = false
	}
	n, err := x.out.Write(ctx, b.Body)
	if n == len(b.Body) {
		return sidelight.Receipt{Accepted: b.Events}, nil
	}
	whole := bytes.Count(b.Body[:n], []byte{'\n'})
	x.torn = n > 0 && b.Body[n-1] != '\n'
	if whole == 0 {
		return sidelight.Receipt{}, fault(ctx, op, err)
	}
	r := sidelight.Receipt{Accepted: whole}
	for i := whole; i < b.Events; i++ {
		r.Retry = append(r.Retry, i)
	}
	return r, nil
}

// rest is how long a reader that does not read, or is gone, is left alone.
const rest = time.Second

func fault(ctx context.Context, op string, err error) *sidelight.Fault {
	if why := context.Cause(ctx); why != nil {
		err = fmt.Errorf("%w: %w", errStalled, why)
	}
	return &sidelight.Fault{Kind: sidelight.Transient, Op: op, After: rest, Err: err}
}
