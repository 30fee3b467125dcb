//go:build !agentonly

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// tailOptions are the flags of logs tail.
type tailOptions struct {
	tail             query.Tail
	include, exclude []string
	noFollow         bool
	format           string
	fields           []string
}

func (a *app) logsTailCommand() *cobra.Command {
	o := &tailOptions{}
	cmd := &cobra.Command{
		Use:   "tail GROUP…",
		Short: "Follow log groups",
		Long: `Prints what is in log groups, which are names, ARNs or globs, and follows them
until Ctrl-C. It asks every 1 to 5 seconds (FilterLogEvents, free of charge),
sees new streams, and goes slower while AWS throttles. With -o json each event
is one line.`,
		Example: `  sidelight logs tail /ecs/orders --since 10m
  sidelight logs tail '/ecs/*' -i 'ERROR|WARN' --fields level,route,msg`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeGroups(50),
	}
	times := a.timeFlags(cmd, "10m")
	f := cmd.Flags()
	f.StringVarP(&o.tail.Pattern, "filter", "f", "", "filter `PATTERN` of CloudWatch Logs, applied by the service")
	f.StringVar(&o.tail.StreamPrefix, "stream", "", "only streams whose names begin with `PREFIX`")
	f.StringArrayVarP(&o.include, "include", "i", nil, "only events that match this `REGEXP`; may be repeated")
	f.StringArrayVarP(&o.exclude, "exclude", "e", nil, "no events that match this `REGEXP`; may be repeated")
	f.BoolVar(&o.noFollow, "no-follow", false, "end when everything until now was printed")
	f.StringVar(&o.format, "format", "short", "`FORM`: short for time, stream and message, raw for the message")
	f.StringSliceVar(&o.fields, "fields", nil, "only these fields of JSON events, as `level,msg`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, to, err := times.resolve(time.Now(), a.zone())
		if err != nil {
			return err
		}
		o.tail.From = from
		if o.noFollow || cmd.Flags().Changed("to") {
			o.tail.To = to
		}
		return a.logsTail(cmd.Context(), o, args)
	}
	return cmd
}

func (a *app) logsTail(ctx context.Context, o *tailOptions, names []string) error {
	p, err := a.newLinePrinter(o)
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	if o.tail.Groups, err = c.Logs.Expand(ctx, names); err != nil {
		return &hintError{err: err, hint: "sidelight logs groups"}
	}
	p.several = len(o.tail.Groups) > 1
	o.tail.Slowed = func(err error, pause time.Duration) {
		a.note("slower: %s; next look in %v", explain(err).because, pause)
	}
	return c.Logs.Tail(ctx, o.tail, p.print)
}

// linePrinter prints log events.
type linePrinter struct {
	a                *app
	o                *tailOptions
	style            render.Style
	json, several    bool
	include, exclude []*regexp.Regexp
}

func (a *app) newLinePrinter(o *tailOptions) (*linePrinter, error) {
	p := &linePrinter{a: a, o: o, style: a.style()}
	switch a.output {
	case "json", "jsonl":
		p.json = true
	case "table":
	default:
		return nil, usage("--output %q: expected table, json or jsonl", a.output)
	}
	if o.format != "short" && o.format != "raw" {
		return nil, usage("--format %q: expected short or raw", o.format)
	}
	var err error
	if p.include, err = compileAll("--include", o.include); err != nil {
		return nil, err
	}
	p.exclude, err = compileAll("--exclude", o.exclude)
	return p, err
}

func compileAll(flag string, texts []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for _, t := range texts {
		re, err := regexp.Compile(t)
		if err != nil {
			return nil, usage("%s %q: %v", flag, t, err)
		}
		out = append(out, re)
	}
	return out, nil
}

func (p *linePrinter) wanted(message string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(message) }
	return (len(p.include) == 0 || slices.ContainsFunc(p.include, matches)) && !slices.ContainsFunc(p.exclude, matches)
}

func (p *linePrinter) print(lines []query.Line) error {
	var b strings.Builder
	for _, l := range lines {
		if !p.wanted(l.Message) {
			continue
		}
		switch {
		case p.json:
			if err := p.jsonLine(&b, l); err != nil {
				return err
			}
		case p.o.format == "raw":
			b.WriteString(strings.TrimRight(l.Message, "\n") + "\n")
		default:
			p.short(&b, l)
		}
	}
	if _, err := p.a.out.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("print log events: %w", err)
	}
	return nil
}

// short is the time, where the event comes from, and the message. Lines of one
// event after the first are indented.
func (p *linePrinter) short(b *strings.Builder, l query.Line) {
	from := l.Stream
	if p.several {
		from = l.Group + " " + l.Stream
	}
	b.WriteString(p.style.Paint(render.Dim, l.Time.In(p.a.zone()).Format("2006-01-02 15:04:05.000")) + " ")
	b.WriteString(p.paintStream(p.style.Fit(render.Clean(from), 48)) + " ")
	for i, line := range strings.Split(strings.TrimRight(p.message(l.Message), "\n"), "\n") {
		if i > 0 {
			b.WriteString("    ")
		}
		b.WriteString(render.Clean(line) + "\n")
	}
}

// paintStream gives each stream a colour of its own.
func (p *linePrinter) paintStream(s string) string {
	if !p.style.Color {
		return s
	}
	sum := uint32(2166136261) // FNV-1a
	for _, c := range []byte(s) {
		sum = (sum ^ uint32(c)) * 16777619
	}
	// Cyan, green, yellow, blue, magenta, and their bright kin; no red, which
	// means a fault.
	codes := []int{36, 32, 33, 34, 35, 96, 92, 93, 94, 95}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", codes[sum%uint32(len(codes))], s)
}

// message is the message, or the fields of it that are wanted.
func (p *linePrinter) message(text string) string {
	if len(p.o.fields) == 0 {
		return text
	}
	var doc map[string]any
	if json.Unmarshal([]byte(text), &doc) != nil {
		return text
	}
	var parts []string
	for _, f := range p.o.fields {
		if v, ok := lookup(doc, strings.Split(f, ".")); ok {
			parts = append(parts, f+"="+v)
		}
	}
	return strings.Join(parts, " ")
}

// lookup finds a field of a document by its path.
func lookup(doc map[string]any, path []string) (string, bool) {
	v, ok := doc[path[0]]
	if inner, isMap := v.(map[string]any); isMap && len(path) > 1 {
		return lookup(inner, path[1:])
	}
	if !ok || len(path) > 1 {
		return "", false
	}
	if s, isText := v.(string); isText && s != "" && !strings.ContainsAny(s, " \n\t") {
		return s, true
	}
	text, err := json.Marshal(v)
	return string(text), err == nil
}

func (p *linePrinter) jsonLine(b *strings.Builder, l query.Line) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Format   string `json:"format"`
		Time     string `json:"time"`
		Ingested string `json:"ingested"`
		Group    string `json:"group"`
		Stream   string `json:"stream"`
		ID       string `json:"id"`
		Message  string `json:"message"`
	}{"sidelight.log-event/1", rfc(l.Time), rfc(l.Ingested), l.Group, l.Stream, l.ID, l.Message})
}
