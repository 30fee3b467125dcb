package xrayd

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// file reads the configuration file at path, or one of those that the daemon looks
// for.
func (s *Seat) file(path string, read func(string) ([]byte, error)) error {
	look := []string{path}
	if path == "" {
		look = files()
	}
	for _, name := range look {
		text, err := read(name)
		if path == "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the X-Ray daemon's configuration file: %w", err)
		}
		s.File = name
		if err := s.keys(text); err != nil {
			return fmt.Errorf("the X-Ray daemon's configuration file %s: %w", name, err)
		}
		return nil
	}
	return nil
}

// keys carries over the keys of a file.
func (s *Seat) keys(text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return errors.New("expected keys and values, Version: 2 among them")
	}
	root := doc.Content[0]
	if err := version(root); err != nil {
		return err
	}
	s.section(root, "")
	return nil
}

// version refuses what the daemon refuses: a file that does not say of which
// version its format is, or of one that there is not.
func version(root *yaml.Node) error {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "Version" {
			continue
		}
		n := resolve(root.Content[i+1])
		if v, err := strconv.Atoi(n.Value); err == nil && (v == 1 || v == 2) {
			return nil
		}
		return fmt.Errorf("line %d: Version: %s: expected 1 or 2", n.Line, n.Value)
	}
	return errors.New("it has no Version: 1 or 2, as the daemon's has; a sidelight.yaml is named by SIDELIGHT_CONFIG")
}

// resolve follows an alias, of which there are none in an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// section carries over the keys of a mapping: those at the top, and those of the
// sections in it.
func (s *Seat) section(m *yaml.Node, name string) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], resolve(m.Content[i+1])
		key, origin := name+k.Value, fmt.Sprintf("%s:%d", s.File, k.Line)
		switch {
		case v.Kind == yaml.MappingNode && name == "":
			s.section(v, key+".")
		case v.Kind != yaml.ScalarNode:
			s.note("%s: %s: expected a single value; it is passed over", origin, key)
		case v.Tag == "!!null":
		default:
			s.carryKey(key, v.Value, origin)
		}
	}
}

// carryKey carries a key with its name in the notes and origins.
func (s *Seat) carryKey(key, value, place string) { s.carry(key, value, place+" "+key) }
