package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// The kinds of records of a snapshot: a group, then its streams and its blocks.
const (
	snapGroup  = 'g'
	snapStream = 's'
	snapBlock  = 'b'
)

// Dump calls add with the records of a snapshot of the store, which are valid
// during the call. Groups are dumped one after the other; what is written
// meanwhile is or is not in the snapshot.
func (s *Store) Dump(add func(record []byte) error) error {
	s.mu.Lock()
	groups := order.Sorted(maps.Values(s.groups), func(a, b *Group) int { return int(a.id) - int(b.id) })
	s.mu.Unlock()
	for _, g := range groups {
		if err := g.dump(add); err != nil {
			return fmt.Errorf("dump log group: %w", err)
		}
	}
	return nil
}

func (g *Group) dump(add func([]byte) error) error {
	g.mu.Lock()
	streams := slices.Clone(g.streams)
	blocks := slices.Clone(g.sealed)
	if g.open != nil {
		o := g.openAsItIsLocked()
		o.sums = slices.Clone(g.open.sums)
		blocks = append(blocks, o)
	}
	g.mu.Unlock()
	if err := add(binary.AppendUvarint([]byte{snapGroup}, uint64(g.id))); err != nil {
		return err
	}
	for _, s := range streams {
		b := binary.AppendVarint([]byte{snapStream, 0}, s.created)
		if s.deleted.Load() {
			b[1] = 1
		}
		if err := add(append(b, s.name...)); err != nil {
			return err
		}
	}
	var buf []byte
	for _, b := range blocks {
		if !b.sealed {
			var err error
			if b, err = b.compress(); err != nil {
				return err
			}
		}
		buf = b.encode(append(buf[:0], snapBlock))
		if err := add(buf); err != nil {
			return err
		}
	}
	return nil
}

// Loader fills an empty store from a snapshot. Groups keep their IDs and wait to
// be claimed.
type Loader struct {
	store *Store
	group *Group
}

// Load returns a loader for the store, which must be empty.
func (s *Store) Load() *Loader { return &Loader{store: s} }

// Add takes a record of Dump.
func (l *Loader) Add(record []byte) error {
	if len(record) == 0 {
		return errCorrupt
	}
	body := record[1:]
	switch {
	case record[0] == snapGroup:
		id, n := binary.Uvarint(body)
		if n <= 0 || id == 0 || id > 1<<24 {
			return errCorrupt
		}
		var err error
		l.group, err = l.store.addGroup(uint32(id))
		return err
	case l.group == nil:
		return errCorrupt
	case record[0] == snapStream:
		return l.stream(body)
	case record[0] == snapBlock:
		return l.block(body)
	}
	return errCorrupt
}

func (s *Store) addGroup(id uint32) (*Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[id] != nil {
		return nil, errCorrupt
	}
	g := &Group{store: s, id: id, unclaimed: true}
	var err error
	if g.files, err = s.make(id, func([]byte) error { return errCorrupt }); err != nil {
		return nil, err
	}
	s.groups[id] = g
	s.nextID = max(s.nextID, id)
	return g, nil
}

func (l *Loader) stream(body []byte) error {
	if len(body) < 2 {
		return errCorrupt
	}
	created, n := binary.Varint(body[1:])
	if n <= 0 {
		return errCorrupt
	}
	s, err := l.group.NewStream(string(body[1+n:]), created)
	if err == nil && body[0] == 1 {
		err = s.Delete()
	}
	return err
}

func (l *Loader) block(body []byte) error {
	b, err := decodeBlock(body)
	if err != nil {
		return err
	}
	g := l.group
	g.mu.Lock()
	if b.first <= g.seq {
		g.mu.Unlock()
		return errCorrupt
	}
	err = g.files.seal(b, nil)
	g.store.mu.Lock()
	g.installLocked(b)
	g.store.mu.Unlock()
	g.mu.Unlock()
	g.store.account(0, 0, nil)
	return err
}
