// Package importer turns the configuration of another agent into one of ours:
// that of Fluent Bit, of the CloudWatch agent, of an OpenTelemetry collector such
// as ADOT, and of the X-Ray daemon. Every option is either carried over, known to
// need nothing here, or named in a [Note]; none is passed over in silence.
//
// The keys of each format are those of its own documentation: Fluent Bit's manual
// ("Classic mode", "YAML configuration", inputs, filters and outputs), the
// CloudWatch user guide ("Manually create or edit the CloudWatch agent
// configuration file"), the READMEs of the collector's components, and the X-Ray
// developer guide ("Configuring the AWS X-Ray daemon").
package importer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format is whose configuration a file is.
type Format string

// The formats.
const (
	FluentBit       Format = "fluent-bit"
	CloudWatchAgent Format = "cloudwatch-agent"
	Collector       Format = "otel-collector"
	XRayDaemon      Format = "xray-daemon"
)

// Formats returns all formats.
func Formats() []Format { return []Format{FluentBit, CloudWatchAgent, Collector, XRayDaemon} }

// Options says what to import.
type Options struct {
	// Path of the file.
	Path string
	// Format of it; empty: judged by its content.
	Format Format
	// Read reads a file. Default os.ReadFile.
	Read func(path string) ([]byte, error)
	// Getenv returns a variable of the environment. Default os.Getenv.
	Getenv func(name string) string
}

// Result is what became of a file.
type Result struct {
	Format Format
	// Config is a sidelight.yaml.
	Config []byte
	// Notes are what is not carried over, in the file's order.
	Notes []Note
}

// Note is something that the configuration does not say any more, or says
// otherwise.
type Note struct {
	// Place is the file and line.
	Place string `json:"place"`
	// Text says what it is, and what to do if anything can be done.
	Text string `json:"text"`
}

// String returns "file:line: text".
func (n Note) String() string { return n.Place + ": " + n.Text }

// Import reads the file at o.Path. It fails if the file cannot be read, is not
// in its format, or has a format that cannot be told.
func Import(o Options) (*Result, error) {
	if o.Read == nil {
		o.Read = os.ReadFile
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	text, err := o.Read(o.Path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration to import: %w", err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if o.Format == "" {
		if o.Format, err = guess(text); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Path, err)
		}
	}
	d := &draft{file: o.Path, opts: o}
	switch o.Format {
	case FluentBit:
		err = d.fluentBit(text)
	case CloudWatchAgent:
		err = d.tree(text, cloudWatchAgent())
	case Collector:
		err = d.collector(text)
	case XRayDaemon:
		err = d.tree(text, xrayDaemon())
	default:
		err = fmt.Errorf("format %q is not known", o.Format)
	}
	if err != nil {
		return nil, fmt.Errorf("import %s as %s: %w", o.Path, o.Format, err)
	}
	config, err := d.render(o.Format)
	if err != nil {
		return nil, err
	}
	return &Result{Format: o.Format, Config: config, Notes: d.notes}, nil
}

// guess tells the format of text by the names at its top.
func guess(text []byte) (Format, error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] == '[' && line[len(line)-1] == ']' || bytes.HasPrefix(line, []byte("@INCLUDE")) {
			return FluentBit, nil
		}
	}
	root, err := parseTree(text)
	if err != nil {
		return "", fmt.Errorf("not in a format that is known: %w", err)
	}
	has := func(keys ...string) bool {
		for _, k := range keys {
			if child(root, k) == nil {
				return false
			}
		}
		return true
	}
	switch {
	case has("receivers", "service"):
		return Collector, nil
	case has("pipeline"):
		return FluentBit, nil
	case has("Socket"), has("TotalBufferSizeMB"), has("Version", "Logging"):
		return XRayDaemon, nil
	case has("logs"), has("metrics"), has("traces"), has("agent"):
		return CloudWatchAgent, nil
	}
	words := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		words = append(words, string(f))
	}
	return "", errors.New("cannot tell whose configuration this is; say which: " + strings.Join(words, ", "))
}

// parseTree reads YAML or JSON, which is YAML but for tabs between its tokens.
func parseTree(text []byte) (*yaml.Node, error) {
	if t := bytes.TrimSpace(text); len(t) > 0 && t[0] == '{' {
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" ")) // none can stand in a string
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("expected a mapping at the top")
	}
	return doc.Content[0], nil
}

// child returns the value of a key of a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
