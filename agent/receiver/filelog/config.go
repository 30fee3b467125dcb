package filelog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Start is where reading begins in a file that is there at the first start.
type Start string

// The starts. A file that appears later is always read from its beginning.
const (
	Beginning Start = "beginning"
	End       Start = "end"
)

// Config says what a Receiver reads. Zero fields take the defaults.
type Config struct {
	// Include are absolute patterns of the files to read: those of
	// path/filepath.Match, and ** for any number of directories. Files that
	// are compressed are never read.
	Include []string
	// Exclude are patterns of files not to read. One without a slash holds for
	// the name alone.
	Exclude []string
	// Start holds for files that are there when there are no checkpoints yet.
	// Default Beginning.
	Start Start
	// PollOnly does without what the kernel tells of changes. Where it tells
	// nothing, or not of everything, that part is polled in any case.
	PollOnly bool
	// Discover is how often new files are looked for. Default 1 s. Where the
	// kernel tells of them, it is how long names may change until they are
	// looked at together, and a look without a reason is thirty times rarer.
	Discover time.Duration
	// Poll is how often a file that was written to lately is looked at. One
	// that was not is waited for, or, if it has to be polled, looked at once in
	// Discover. Default 200 ms.
	Poll time.Duration
	// MaxLine is the most bytes an event may have; what is longer becomes
	// several. Default 1,000,000, a little less than CloudWatch Logs takes.
	MaxLine int
	// Quiet is how long a last line without a newline is waited for. Default
	// 2 s.
	Quiet time.Duration
	// RotateWait is how long a file that was renamed or deleted must have been
	// silent before it is closed. Default 5 s.
	RotateWait time.Duration
	// Linger is how long the stop of Run may take to read what is there.
	// Default 1 s.
	Linger time.Duration
	// MaxFiles is how many files are open at once. Ten times as many are
	// followed: of those that are not written to, the ones that were silent the
	// longest are closed, and opened again when they grow. Default 1,000.
	MaxFiles int
	// Encoding is how the files are written. Default Auto.
	Encoding Encoding
	// Timestamp names the member of a JSON line that holds the event's time:
	// RFC 3339 text, or seconds or milliseconds since 1970. Empty, or without
	// such a member: the time of reading.
	Timestamp string
	// Dest returns where the lines of a file go. It is called once for each
	// path, see receiver.Dests. A file that is renamed keeps its path.
	Dest func(path string) sidelight.DestHandle
}

func (c Config) withDefaults() Config {
	if c.Start == "" {
		c.Start = Beginning
	}
	if c.Encoding == "" {
		c.Encoding = Auto
	}
	orDefault(&c.Discover, time.Second)
	orDefault(&c.Poll, 200*time.Millisecond)
	orDefault(&c.MaxLine, 1_000_000)
	orDefault(&c.Quiet, 2*time.Second)
	orDefault(&c.RotateWait, 5*time.Second)
	orDefault(&c.Linger, time.Second)
	orDefault(&c.MaxFiles, 1000)
	return c
}

func orDefault[T time.Duration | int](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Include) == 0 {
		bad("include: at least one pattern is needed")
	}
	for i, p := range c.Include {
		if err := checkPattern(p); err != nil {
			bad("include[%d]: %q: %w", i, p, err)
		} else if !filepath.IsAbs(p) {
			bad("include[%d]: %q is not absolute", i, p)
		}
	}
	for i, p := range c.Exclude {
		if err := checkPattern(p); err != nil {
			bad("exclude[%d]: %q: %w", i, p, err)
		}
	}
	if c.Start != Beginning && c.Start != End {
		bad("start: %q is neither %q nor %q", c.Start, Beginning, End)
	}
	if !slices.Contains(Encodings(), c.Encoding) {
		bad("encoding: %q is none of %q", c.Encoding, Encodings())
	}
	if c.Discover < 0 || c.Poll < 0 || c.Quiet < 0 || c.RotateWait < 0 || c.Linger < 0 || c.MaxFiles < 0 {
		bad("limits: none may be negative")
	}
	if c.MaxLine < minLine || c.MaxLine > maxLine {
		bad("max_line: %d is not between %d and %d", c.MaxLine, minLine, maxLine)
	}
	if c.Dest == nil {
		bad("dest: a function is needed")
	}
	return errors.Join(errs...)
}

// The bounds of MaxLine.
const (
	minLine = 16
	maxLine = 16 << 20
)
