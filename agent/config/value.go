package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parser is a value that reads itself from a scalar's text. The error says what
// was expected.
type parser interface {
	parse(text string) error
}

// Off is the Address of a listener that is not wanted.
const Off Address = "off"

// Address is host:port, an absolute path where a socket is meant, or off.
type Address string

// On reports whether a listener is wanted.
func (a Address) On() bool { return a != "" && a != Off && a != "auto" }

func (a *Address) parse(text string) error {
	if text != string(Off) && text != "auto" && !strings.HasPrefix(text, "/") {
		host, port, err := net.SplitHostPort(text)
		if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 || strings.Contains(host, "/") {
			return errors.New("expected host:port such as 127.0.0.1:4317, a path, or off")
		}
	}
	*a = Address(text)
	return nil
}

// Bytes is a size: a number with B, KB, MB, GB (powers of 1000) or KiB, MiB,
// GiB (powers of 1024).
type Bytes int64

func byteUnits() []byteUnit {
	return []byteUnit{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
	}
}

type byteUnit struct {
	name string
	size int64
}

func (b *Bytes) parse(text string) error {
	if text == "0" {
		*b = 0
		return nil
	}
	for _, u := range byteUnits() {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || f < 0 || f > 1<<40 {
			break
		}
		*b = Bytes(f * float64(u.size))
		return nil
	}
	return errors.New("expected a size with its unit, such as 32MiB or 1GB")
}

// String returns b in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range []byteUnit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Dollars is an amount of US dollars: 20, 20.50 or 20 USD.
type Dollars float64

func (d *Dollars) parse(text string) error {
	number, _ := strings.CutSuffix(text, "USD")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(f >= 0) || f > 1e9 {
		return errors.New("expected an amount such as 20 or 20 USD")
	}
	*d = Dollars(f)
	return nil
}

// String returns d without needless digits.
func (d Dollars) String() string { return strconv.FormatFloat(float64(d), 'f', -1, 64) }

// parseDuration reads Go's durations and whole days: 30d.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("expected a duration such as 500ms, 25s, 5m or 30d")
	}
	return d, nil
}

// oneOf sets *p to text if it is one of the choices.
func oneOf[T ~string](p *T, text string, choices ...T) error {
	if !slices.Contains(choices, T(text)) {
		words := make([]string, len(choices))
		for i, c := range choices {
			words[i] = string(c)
		}
		return &choiceError{choices: words}
	}
	*p = T(text)
	return nil
}

// choiceError lists the words that would have been valid.
type choiceError struct {
	word    string // what stood there, if not the whole value
	choices []string
}

func (e *choiceError) Error() string { return "expected " + list(e.choices) }

func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Switch is auto, on or off.
type Switch string

func (s *Switch) parse(text string) error { return oneOf(s, text, "auto", "on", "off") }

// On reports whether the part is wanted, given what auto means here.
func (s Switch) On(auto bool) bool { return s == "on" || s == "auto" && auto }

// Names is a family of metric names: sidelight, cwagent, container-insights or
// otel.
type Names string

func (n *Names) parse(text string) error {
	return oneOf(n, text, "sidelight", "cwagent", "container-insights", "otel")
}

// Start is beginning or end.
type Start string

func (s *Start) parse(text string) error { return oneOf(s, text, "beginning", "end") }

// Durable is always, spill or memory.
type Durable string

func (d *Durable) parse(text string) error { return oneOf(d, text, "always", "spill", "memory") }

// Level is debug, info, warn or error.
type Level string

// parse takes what slog takes, since the sdk reads the same variable by it: any
// case, and levels in between, which are the named one below.
func (l *Level) parse(text string) error {
	var level slog.Level
	if level.UnmarshalText([]byte(text)) != nil {
		return oneOf(l, text, "debug", "info", "warn", "error")
	}
	switch {
	case level < slog.LevelInfo:
		*l = "debug"
	case level < slog.LevelWarn:
		*l = "info"
	case level < slog.LevelError:
		*l = "warn"
	default:
		*l = "error"
	}
	return nil
}

// Format is text or json.
type Format string

func (f *Format) parse(text string) error { return oneOf(f, text, "text", "json") }

// Retention is a number of days that PutRetentionPolicy takes; zero is for ever.
type Retention int32

// retentions are the values that PutRetentionPolicy takes.
func retentions() []int {
	return []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

func (r *Retention) parse(text string) error {
	if text == "never" {
		*r = 0
		return nil
	}
	days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil {
		return errors.New("expected a number of days such as 30d, or never")
	}
	if all := retentions(); !slices.Contains(all, days) {
		at, _ := slices.BinarySearch(all, days)
		return fmt.Errorf("CloudWatch Logs keeps logs for certain numbers of days; the next one is %dd", all[min(at, len(all)-1)])
	}
	*r = Retention(days)
	return nil
}

// String returns the days as they are written in a file.
func (r Retention) String() string {
	if r == 0 {
		return "never"
	}
	return strconv.Itoa(int(r)) + "d"
}

// Placeholders are what may stand in braces in a Template.
func Placeholders() []string {
	return []string{"service", "environment", "cluster", "task", "container", "namespace", "pod", "host", "source"}
}

// Template is a name with placeholders in braces.
type Template string

func (t *Template) parse(text string) error {
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			break
		}
		name, tail, ok := strings.Cut(after, "}")
		if !ok {
			return errors.New("expected a } after {")
		}
		if !slices.Contains(Placeholders(), name) {
			return &choiceError{word: name, choices: Placeholders()}
		}
		rest = tail
	}
	if text == "" {
		return errors.New("expected a name")
	}
	*t = Template(text)
	return nil
}

// Expand replaces the placeholders by value's answers. Pieces that come out
// empty are left out together with a doubled separator.
func (t Template) Expand(value func(name string) string) string {
	var b strings.Builder
	rest := string(t)
	for {
		before, after, ok := strings.Cut(rest, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		var name string
		name, rest, _ = strings.Cut(after, "}")
		b.WriteString(value(name))
	}
	out := b.String()
	for strings.Contains(out, "//") {
		out = strings.ReplaceAll(out, "//", "/")
	}
	return strings.TrimSuffix(out, "/")
}
