package config

import "fmt"

// clashFunc reports values that cannot be together.
type clashFunc func(path, message, hint string)

// given reports whether the file has something at path, be it wrong.
func (d *decoder) given(path string) bool { return d.nodes[path] != nil }

// checkFile looks at the values of one set of files together.
func (d *decoder) checkFile(path string, f Files, clash clashFunc) {
	envelope := f.Format == "cri" || f.Format == "docker"
	if f.Content != "" && !envelope {
		clash(path+".content", "only the formats cri and docker have something inside", "write format: "+string(f.Content))
	}
	d.checkPattern(path, f.Format == "regex" || f.Content == "regex", f.Pattern, clash)
	checkMultiline(path, f.Multiline, clash)
}

func (d *decoder) checkPattern(path string, wanted bool, p Pattern, clash clashFunc) {
	switch {
	case wanted && p == "" && !d.given(path+".pattern"):
		clash(path, "the format regex needs a pattern", `add pattern: '(?P<name>\S+) …'`)
	case !wanted && p != "":
		clash(path+".pattern", "a pattern without the format regex", "add format: regex")
	}
}

func checkMultiline(path string, m Multiline, clash clashFunc) {
	n := 0
	for _, on := range []bool{m.Start != "", m.Continue != "", len(m.Stacks) > 0} {
		if on {
			n++
		}
	}
	if n > 1 {
		clash(path+".multiline", "start, continue and stacks exclude each other", "keep one of them")
	}
}

// checkLogs looks at what is done with log events.
func (d *decoder) checkLogs(cfg *Config, clash clashFunc) {
	f := cfg.Receivers.Forward
	d.checkPattern("receivers.forward", f.Format == "regex", f.Pattern, clash)
	checkMultiline("receivers.forward", f.Multiline, clash)
	e := cfg.Receivers.Exec
	d.checkPattern("receivers.exec", e.Format == "regex", e.Pattern, clash)
	checkMultiline("receivers.exec", e.Multiline, clash)
	for i, r := range cfg.Logs.Routes {
		path := fmt.Sprintf("logs.routes[%d]", i)
		if r.When == "" && !d.given(path+".when") {
			clash(path, "a route without when would take everything", "add when: level >= error, or change logs.group")
		}
		if r.Group == "" && r.Stream == "" && !d.given(path+".group") && !d.given(path+".stream") {
			clash(path, "a route without group and stream leads nowhere", "add group: /errors/{service}")
		}
	}
	if cfg.Logs.Redact.Salt != "" && cfg.Logs.Redact.Action != "hash" {
		clash("logs.redact.salt", "only hashes have a salt", "add action: hash")
	}
	if cfg.Logs.RateLimit.Burst > 0 && cfg.Logs.RateLimit.PerSecond == 0 {
		clash("logs.rate_limit.burst", "a burst without a limit", "add per_second: 1000")
	}
}
