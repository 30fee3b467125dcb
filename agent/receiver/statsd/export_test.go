package statsd

import "github.com/sidelight-dev/sidelight"

// Parser returns a function that parses lines into rec.
func Parser(rec sidelight.Recorder) func([]byte) string {
	var p parser
	emit := func(l *line) { rec.Record(&l.m) }
	return func(b []byte) string { return p.parse(b, emit) }
}

// Parse parses one line into rec.
func Parse(b []byte, rec sidelight.Recorder) string { return Parser(rec)(b) }
