package forward

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

// windowBytes is how much of a compressed message is expanded at a time.
const windowBytes = 256 << 10

var errExpanded = errors.New("compressed message expands beyond the limit")

// expand adds the entries of p, one or more gzip members (Forward protocol v1,
// "CompressedPackedForward Mode"). Only a window of what they expand to is ever
// in memory. If the message turns out damaged, what came before the damage was
// taken.
func (c *conn) expand(ctx context.Context, m *message, p []byte) error {
	in := m.in
	in.packed.Reset(p)
	if err := in.openGzip(); err != nil {
		return fmt.Errorf("expand: %w", err)
	}
	if in.window == nil {
		in.window = make([]byte, windowBytes)
	}
	taken := 0
	defer func() { c.r.memory.Give(taken) }()
	left := c.r.cfg.MaxExpanded
	for have, eof := 0, false; !eof || have > 0; {
		var err error
		before := have
		if have, eof, err = in.fillWindow(have); err != nil {
			return fmt.Errorf("expand: %w", err)
		}
		if left -= int64(have - before); left < 0 {
			return errExpanded
		}
		used, err := m.whole(ctx, in.window[:have])
		if err != nil {
			return err
		}
		if eof && used < have {
			return errShort
		}
		have = copy(in.window, in.window[used:have])
		if have == len(in.window) {
			if err := c.widen(ctx, in, &taken); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *intake) openGzip() error {
	if in.gz == nil {
		gz, err := gzip.NewReader(&in.packed)
		in.gz = gz
		return err
	}
	return in.gz.Reset(&in.packed)
}

// fillWindow reads what fits behind the first have bytes of the window. It
// returns how many there are then, and whether that is all.
func (in *intake) fillWindow(have int) (int, bool, error) {
	for have < len(in.window) {
		n, err := in.gz.Read(in.window[have:])
		have += n
		if errors.Is(err, io.EOF) {
			return have, true, nil
		}
		if err != nil {
			return have, false, err
		}
	}
	return have, false, nil
}

// whole adds the entries that b holds completely and returns their length.
func (m *message) whole(ctx context.Context, b []byte) (int, error) {
	i := 0
	for i < len(b) {
		end, err := skip(b, i)
		if errors.Is(err, errShort) {
			break
		}
		if err != nil {
			return i, err
		}
		if err := m.entries(ctx, b[i:end]); err != nil {
			return i, err
		}
		i = end
	}
	return i, nil
}

// widen doubles the window, for a record that does not fit.
func (c *conn) widen(ctx context.Context, in *intake, taken *int) error {
	n := len(in.window)
	if n >= c.r.cfg.MaxMessage {
		return errTooBig
	}
	if err := c.r.memory.Take(ctx, n); err != nil {
		return err
	}
	*taken += n
	wide := make([]byte, 2*n)
	copy(wide, in.window)
	in.window = wide
	return nil
}
