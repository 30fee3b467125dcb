package disk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
)

// stateSlack is how much a state's file may grow beyond twice what it holds.
const stateSlack = 1 << 20

// State is values by key, each JSON, in a log of changes. It is safe for
// concurrent use.
type State struct {
	mu     sync.Mutex
	log    *Log
	values map[string]json.RawMessage
}

// change is a record of a state's log.
type change struct {
	Set    map[string]json.RawMessage `json:"set,omitempty"`
	Delete []string                   `json:"delete,omitempty"`
}

func (s *State) apply(c *change) {
	maps.Copy(s.values, c.Set)
	for _, k := range c.Delete {
		delete(s.values, k)
	}
}

// OpenState opens or creates the state in the file of that path.
func OpenState(path string) (*State, error) {
	s := &State{values: make(map[string]json.RawMessage)}
	var err error
	s.log, err = Open(path, func(record []byte) error {
		var c change
		if err := json.Unmarshal(record, &c); err != nil {
			return fmt.Errorf("read change: %w", err)
		}
		s.apply(&c)
		return nil
	})
	return s, err
}

// Values returns all values.
func (s *State) Values() map[string]json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.values)
}

// Save makes the values those that read returns, which it calls with the state
// locked, so that of two savings at once the later one reads later. It writes
// what has changed, and returns when that outlives the process.
func (s *State) Save(read func() (map[string]json.RawMessage, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	values, err := read()
	if err != nil {
		return err
	}
	c := change{Set: make(map[string]json.RawMessage)}
	for k, v := range values {
		if old, ok := s.values[k]; !ok || !bytes.Equal(old, v) {
			c.Set[k] = v
		}
	}
	for k := range s.values {
		if _, ok := values[k]; !ok {
			c.Delete = append(c.Delete, k)
		}
	}
	if len(c.Set) == 0 && len(c.Delete) == 0 {
		return nil
	}
	b, err := json.Marshal(&c)
	if err != nil {
		return fmt.Errorf("write change: %w", err)
	}
	if err := s.log.Append(b); err != nil {
		return err
	}
	s.apply(&c)
	if s.log.Bloated(stateSlack) {
		return s.log.Rewrite(s.dumpLocked)
	}
	return nil
}

func (s *State) dumpLocked(add func([]byte) error) error {
	for k, v := range s.values {
		b, err := json.Marshal(&change{Set: map[string]json.RawMessage{k: v}})
		if err != nil {
			return err
		}
		if err := add(b); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file.
func (s *State) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Close()
}
