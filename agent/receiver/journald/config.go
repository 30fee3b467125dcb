package journald

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Start is where reading begins in journals that are there at the first start.
type Start string

// The starts. A journal file that appears later is always read from its
// beginning.
const (
	Beginning Start = "start"
	Now       Start = "now"
)

// AllPriorities lets every entry through.
const AllPriorities = 7

// Config says what a Receiver reads. Zero fields take the defaults.
type Config struct {
	// Directories hold the journal files, themselves or in a folder for each
	// machine. Default /var/log/journal and /run/log/journal. One that is not
	// there is looked for again.
	Directories []string
	// Units are the names, or patterns of path.Match, of the units whose
	// entries are read. A name without a dot is that of a service. Default: all
	// entries, also of no unit.
	Units []string
	// Priority is the least urgent one that is read, from 0 (emerg) to 7
	// (debug); entries without one always are. nil: AllPriorities.
	Priority *int
	// Fields are the names, or patterns, of fields that the documents have
	// besides, under their own names.
	Fields []string
	// Start holds when there are no checkpoints yet. Default Beginning.
	Start Start
	// Poll is how often the files are looked at where the kernel does not tell
	// of changes; where it does, ten times rarer. Default 1 s.
	Poll time.Duration
	// Linger is how long the stop of Run may take to read what is there.
	// Default 1 s.
	Linger time.Duration
	// Dest is where the entries go.
	Dest sidelight.DestHandle
}

func (c Config) withDefaults() Config {
	if len(c.Directories) == 0 {
		c.Directories = []string{"/var/log/journal", "/run/log/journal"}
	}
	if c.Priority == nil {
		all := AllPriorities
		c.Priority = &all
	}
	if c.Start == "" {
		c.Start = Beginning
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Linger == 0 {
		c.Linger = time.Second
	}
	units := make([]string, len(c.Units))
	for i, u := range c.Units {
		if units[i] = u; !strings.Contains(u, ".") {
			units[i] += ".service"
		}
	}
	c.Units = units
	return c
}

func (c *Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, dir := range c.Directories {
		if !path.IsAbs(dir) {
			bad("directories[%d]: %q is not absolute", i, dir)
		}
	}
	for name, patterns := range map[string][]string{"units": c.Units, "fields": c.Fields} {
		for i, p := range patterns {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				bad("%s[%d]: %q is no name and no pattern", name, i, p)
			}
		}
	}
	if *c.Priority < 0 || *c.Priority > AllPriorities {
		bad("priority: %d is not between 0 and 7", *c.Priority)
	}
	if c.Start != Beginning && c.Start != Now {
		bad("since: %q is neither %q nor %q", c.Start, Beginning, Now)
	}
	if c.Poll < 0 || c.Linger < 0 {
		bad("poll and linger: none may be negative")
	}
	return errors.Join(errs...)
}

// wants reports whether an entry is one to read.
func (c *Config) wants(d *record) bool {
	if d.priority > *c.Priority {
		return false
	}
	if len(c.Units) == 0 {
		return true
	}
	subject := string(d.subject())
	for _, u := range c.Units {
		// The patterns were checked.
		if ok, _ := path.Match(u, subject); ok {
			return true
		}
	}
	return false
}
