package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
)

// A group's folder has a file for each sealed block, a log of what is in the
// open one, and a log of its streams.
const (
	blockSuffix = ".block"
	openSuffix  = ".open"
	streamsFile = "streams"
)

// files are a group's files. A nil *files is a group in memory only.
type files struct {
	dir     string
	streams *disk.Log
	open    *openLog // nil: nothing of the open block is written yet
}

// openLog is the log of a block that is not sealed. A nil *openLog has no file.
type openLog struct {
	*disk.Log
	path string
}

func (l *openLog) close() error {
	if l == nil {
		return nil
	}
	return l.Close()
}

func (l *openLog) remove() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.Close(), os.Remove(l.path))
}

func (s *Store) folder(id uint32) string {
	return filepath.Join(s.dir, strconv.FormatUint(uint64(id), 10))
}

// make makes the files of a group, new or there already.
func (s *Store) make(id uint32, stream func([]byte) error) (*files, error) {
	if s.dir == "" {
		return nil, nil
	}
	f := &files{dir: s.folder(id)}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of log group: %w", err)
	}
	var err error
	f.streams, err = disk.Open(filepath.Join(f.dir, streamsFile), stream)
	return f, err
}

// appendOpen writes n records of the open block, which begins with the event
// numbered first.
func (f *files) appendOpen(first uint64, n int, records []byte) error {
	if f == nil || n == 0 {
		return nil
	}
	if f.open == nil {
		path := filepath.Join(f.dir, name(first, openSuffix))
		log, err := disk.Open(path, func([]byte) error { return nil })
		if err != nil {
			return err
		}
		f.open = &openLog{log, path}
	}
	return f.open.Append(binary.AppendUvarint(nil, uint64(n)), records)
}

// name is that of a file, so that names sort as what is in them.
func name(first uint64, suffix string) string { return fmt.Sprintf("%020d%s", first, suffix) }

// takeLog hands over the log of a block that is full.
func (f *files) takeLog() *openLog {
	if f == nil {
		return nil
	}
	log := f.open
	f.open = nil
	return log
}

// seal writes a sealed block, and removes its log. A kill in between leaves both,
// of which the block counts.
func (f *files) seal(b *Block, log *openLog) error {
	if f == nil {
		return nil
	}
	path := filepath.Join(f.dir, name(b.first, blockSuffix))
	if err := os.WriteFile(path+".new", b.encode(nil), 0o600); err != nil {
		return errors.Join(fmt.Errorf("write block: %w", err), log.close())
	}
	if err := os.Rename(path+".new", path); err != nil {
		return errors.Join(fmt.Errorf("write block: %w", err), log.close())
	}
	return log.remove()
}

// remove removes the files of a block: that of a sealed one, or its log if it
// could not be written. One that stays comes back with the next start, and goes
// then.
func (f *files) remove(b *Block) {
	if f != nil {
		_ = os.Remove(filepath.Join(f.dir, name(b.first, blockSuffix)))
		_ = os.Remove(filepath.Join(f.dir, name(b.first, openSuffix)))
	}
}

func (f *files) close() error {
	if f == nil {
		return nil
	}
	return errors.Join(f.streams.Close(), f.open.close())
}

// removeAll closes and removes all files of the group.
func (f *files) removeAll() error {
	if f == nil {
		return nil
	}
	return errors.Join(f.close(), os.RemoveAll(f.dir))
}

// The kinds of records in the log of streams.
const (
	streamMade    = 'c'
	streamDeleted = 'd'
)

func (f *files) noteStream(kind byte, s *Stream) error {
	if f == nil {
		return nil
	}
	b := binary.AppendUvarint([]byte{kind}, uint64(s.id))
	b = binary.AppendVarint(b, s.created)
	return f.streams.Append(b, []byte(s.name))
}

// load reads the groups in the store's folder. They wait to be claimed.
func (s *Store) load() error {
	if s.dir == "" {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make folder of log events: %w", err)
	}
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("read log events: %w", err)
	}
	for _, e := range list {
		id, err := strconv.ParseUint(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		if err := s.loadGroup(uint32(id)); err != nil {
			return fmt.Errorf("read log group %d: %w", id, err)
		}
		s.nextID = max(s.nextID, uint32(id))
	}
	order.Stable(s.sealed, func(a, b *Block) int { return int(min(max(a.max-b.max, -1), 1)) })
	return nil
}

func (s *Store) loadGroup(id uint32) error {
	g := &Group{store: s, id: id, unclaimed: true}
	var err error
	if g.files, err = s.make(id, g.readStream); err != nil {
		return err
	}
	s.groups[id] = g
	list, err := os.ReadDir(g.files.dir)
	if err != nil {
		return err
	}
	for _, e := range list { // by name, so in order, and a block before its log
		path := filepath.Join(g.files.dir, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), blockSuffix):
			err = errors.Join(g.sealLoaded(), g.loadBlock(path))
		case strings.HasSuffix(e.Name(), openSuffix):
			err = g.loadOpen(e.Name())
		case e.Name() != streamsFile:
			_ = os.Remove(path) // left by a kill
		}
		if err != nil {
			return err
		}
	}
	s.stats.Bytes += g.keptOpenLocked()
	return nil
}

// readStream takes a record of the log of streams.
func (g *Group) readStream(record []byte) error {
	if len(record) < 3 {
		return errCorrupt
	}
	id, n := binary.Uvarint(record[1:])
	created, m := binary.Varint(record[1+max(n, 0):])
	if n <= 0 || m <= 0 {
		return errCorrupt
	}
	switch {
	case record[0] == streamDeleted && id < uint64(len(g.streams)):
		g.streams[id].deleted.Store(true)
	case record[0] == streamMade && id == uint64(len(g.streams)):
		g.streams = append(g.streams, &Stream{id: uint32(id), name: string(record[1+n+m:]), created: created, group: g})
	default:
		return errCorrupt
	}
	return nil
}

// loadBlock reads a sealed block. A damaged one is lost, and said so by the
// count of dropped blocks.
func (g *Group) loadBlock(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b, err := decodeBlock(data)
	if err != nil {
		g.store.stats.DroppedBlocks++
		return os.Remove(path)
	}
	g.installLocked(b)
	return nil
}

// installLocked adds a sealed block at the end of the group.
func (g *Group) installLocked(b *Block) {
	b.group, b.streams = g, g.streams[:len(g.streams):len(g.streams)]
	g.sealed = append(g.sealed, b)
	g.seq = max(g.seq, b.first+uint64(b.n)-1)
	g.payload += b.payload
	for i := range b.sums {
		if s := &b.sums[i]; int(s.id) < len(g.streams) {
			g.streams[s.id].note(s)
		}
	}
	st := g.store
	st.sealed = append(st.sealed, b)
	st.stats.Blocks++
	st.stats.Bytes += b.kept()
}

// loadOpen reads the log of an open block, unless that has been sealed.
func (g *Group) loadOpen(file string) error {
	first, err := strconv.ParseUint(strings.TrimSuffix(file, openSuffix), 10, 64)
	path := filepath.Join(g.files.dir, file)
	if err != nil || first <= g.seq {
		return os.Remove(path)
	}
	if err := g.sealLoaded(); err != nil {
		return err
	}
	g.seq = first - 1
	log, err := disk.Open(path, g.readOpen)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	g.files.open = &openLog{log, path}
	return nil
}

// sealLoaded seals the block of the log that was read last, which had been full:
// another follows.
func (g *Group) sealLoaded() error {
	if g.open == nil {
		return nil
	}
	g.shutLocked()
	full := g.sealed[len(g.sealed)-1]
	g.store.stats.Blocks++
	g.store.stats.Bytes += full.kept()
	sealed, err := g.seal(full)
	if sealed != nil {
		g.store.sealed = append(g.store.sealed, sealed)
	}
	return err
}

// readOpen takes a record of the log of the open block.
func (g *Group) readOpen(record []byte) error {
	n, m := binary.Uvarint(record)
	if m <= 0 {
		return errCorrupt
	}
	if g.open == nil {
		g.open = &Block{group: g, first: g.seq + 1}
		g.last = Event{}
	}
	probe := &Block{group: g, streams: g.streams, n: int(n)}
	base := g.last
	err := probe.records(record[m:], true, func(e *Event) bool {
		g.last.Time, g.last.Ingested = base.Time+e.Time, base.Ingested+e.Ingested
		g.open.note(g.last.Time, g.last.Ingested, e.Stream.id, len(e.Message))
		g.payload += int64(len(e.Message)) + eventOverhead
		return true
	})
	if err != nil {
		return err
	}
	g.open.data = append(g.open.data, record[m:]...)
	g.seq += n
	g.open.sumsInto(g.streams)
	return nil
}
