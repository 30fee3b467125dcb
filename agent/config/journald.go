package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Journald reads the journal of systemd from its files.
type Journald struct {
	Read        Switch   `key:"read" doc:"on, off, or auto: on if anything else is said here"`
	Directories []string `key:"directories" doc:"of journal files; default /var/log/journal and /run/log/journal"`
	Units       []Glob   `key:"units" doc:"names or patterns, such as nginx or docker-*.scope; default: all entries"`
	Priority    Priority `key:"priority" doc:"the least urgent that is read: emerg, alert, crit, err, warning, notice, info or debug"`
	Since       Since    `key:"since" doc:"where to begin at the first start: start or now; default start"`
	Fields      []Glob   `key:"fields" doc:"names or patterns of fields that documents have besides, such as _TRANSPORT"`
}

// On reports whether the journal is wanted.
func (j Journald) On() bool {
	said := len(j.Directories) > 0 || len(j.Units) > 0 || j.Priority != "" || j.Since != "" || len(j.Fields) > 0
	return j.Read.On(said)
}

// Glob is a name or a pattern of path.Match.
type Glob string

func (n *Glob) parse(text string) error {
	if _, err := path.Match(text, ""); err != nil || text == "" {
		return errors.New("expected a name, or a pattern such as docker-*")
	}
	*n = Glob(text)
	return nil
}

// Priority is the name of a priority of syslog.
type Priority string

// priorities are their names, from 0 on.
func priorities() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

func (p *Priority) parse(text string) error {
	if text == "" { // as config show prints it
		return nil
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(priorities()) {
		*p = Priority(priorities()[n])
		return nil
	}
	choices := make([]Priority, 0, 8)
	for _, name := range priorities() {
		choices = append(choices, Priority(name))
	}
	return oneOf(p, text, choices...)
}

// Number returns the priority's number, that of debug if nothing is said.
func (p Priority) Number() int {
	if i := slices.Index(priorities(), string(p)); i >= 0 {
		return i
	}
	return len(priorities()) - 1
}

// Since is start or now.
type Since string

func (s *Since) parse(text string) error {
	if text == "" { // as config show prints it
		return nil
	}
	return oneOf(s, text, "start", "now")
}

// checkJournald looks at what is said of the journal.
func checkJournald(j Journald, clash clashFunc) {
	for i, dir := range j.Directories {
		if !strings.HasPrefix(dir, "/") {
			clash(fmt.Sprintf("receivers.journald.directories[%d]", i), fmt.Sprintf("%q is not absolute", dir), "expected /var/log/journal or the like")
		}
	}
}
