package journald

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// named calls yield with the path of each journal file. One that journald has
// found damaged is named with a tilde, and read as far as it goes.
func (r *Receiver) named(yield func(path string, info fs.FileInfo)) {
	for _, dir := range r.directories() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if name := e.Name(); !strings.HasSuffix(name, ".journal") && !strings.HasSuffix(name, ".journal~") {
				continue
			}
			path := filepath.Join(dir, e.Name())
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				yield(path, info)
			}
		}
	}
}

// directories returns those of the configuration, and of each machine in them.
func (r *Receiver) directories() []string {
	var all []string
	for _, dir := range r.cfg.Directories {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				r.warn.Warn("cannot read a directory of journals", slog.Any("err", err))
			}
			continue
		}
		all = append(all, dir)
		for _, e := range entries {
			if e.IsDir() {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all
}

// beingMade is how long a file may have no header.
const beingMade = 10 * time.Second

// scan opens new files and notes which are gone. first is set at the first look
// of the first start.
func (r *Receiver) scan(first bool) {
	r.watch.cover(r.directories())
	r.unready = false
	seen := map[*journal]bool{}
	r.named(func(path string, info fs.FileInfo) {
		for _, j := range r.journals {
			if j.is(info) {
				j.at(path, info)
				seen[j] = true
				return
			}
		}
		if j := r.open(path, info, first); j != nil {
			seen[j] = true
		}
	})
	for _, j := range r.journals {
		if !seen[j] {
			j.gone = true
		}
	}
	if len(r.journals) > 0 && !r.settled {
		r.settled = true
		r.store.Settle()
	}
}

// open begins to read a file.
func (r *Receiver) open(path string, info fs.FileInfo, first bool) *journal {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.warn.Warn("cannot open a journal file", slog.String("path", path), slog.Any("err", err))
		}
		return nil
	}
	rd, err := newReader(f, &r.windows, &r.decoder)
	if err != nil {
		if time.Since(info.ModTime()) < beingMade {
			r.unready = true
		} else {
			r.warn.Warn("cannot read a journal file", slog.String("path", path), slog.Any("err", err))
		}
		f.Close()
		return nil
	}
	if j := r.followed(rd.hdr.id); j != nil {
		return r.meet(j, f, rd, path, info)
	}
	j := &journal{f: f, reader: rd, id: receiver.FileID{Sum: rd.hdr.id}}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		j.id.Device, j.id.Inode = uint64(st.Dev), st.Ino
	}
	j.at(path, info)
	j.next = r.startOf(j, first)
	j.ledger = receiver.NewLedger(int64(j.next))
	j.forget = r.store.Track(j.checkpoint)
	r.journals = append(r.journals, j)
	r.count()
	r.log.Info("reading a journal file", slog.String("path", path), slog.Uint64("entry", j.next), slog.Uint64("entries", j.hdr.entries))
	return j
}

// followed returns the file with an id, if it is followed.
func (r *Receiver) followed(id string) *journal {
	for _, j := range r.journals {
		if j.hdr.id == id {
			return j
		}
	}
	return nil
}

// meet goes on with a file that is followed, or finds a copy of it.
func (r *Receiver) meet(j *journal, f *os.File, rd *reader, path string, info fs.FileInfo) *journal {
	if j.f != nil || rd.hdr.entries <= j.next {
		f.Close()
	} else {
		j.f, j.reader = f, rd
	}
	j.at(path, info)
	return j
}

// startOf returns the number of the first entry to read. A file is known again
// by its own id, wherever it is.
func (r *Receiver) startOf(j *journal, first bool) uint64 {
	for _, cp := range r.saved {
		if cp.Sum == j.hdr.id && cp.Head == 0 {
			return min(uint64(cp.Offset), j.hdr.entries)
		}
	}
	if first && r.cfg.Start == Now {
		return j.hdr.entries
	}
	return 0
}

// tidy closes what is delivered to its end, and forgets what is gone.
func (r *Receiver) tidy() {
	kept := r.journals[:0]
	for _, j := range r.journals {
		if j.settled() {
			j.close()
			if j.gone {
				j.forget()
				r.log.Info("a journal file is read to its end", slog.String("path", j.path), slog.Uint64("entries", j.next))
				continue
			}
		}
		kept = append(kept, j)
	}
	clear(r.journals[len(kept):])
	r.journals = kept
	r.count()
}

func (r *Receiver) count() { r.files.Store(int64(len(r.journals))) }
