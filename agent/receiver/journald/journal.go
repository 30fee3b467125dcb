package journald

import (
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// journal is one file. Positions in it are numbers of entries.
type journal struct {
	id   receiver.FileID
	path string
	info fs.FileInfo
	f    *os.File // nil when all of an archived file is delivered
	*reader
	ledger *receiver.Ledger
	next   uint64 // the first entry that was not read
	gone   bool   // it has no name any more
	broken bool
	retry  time.Time

	place  atomic.Pointer[string]
	forget func()
}

// checkpoint is called from another goroutine.
func (j *journal) checkpoint() receiver.Checkpoint {
	return receiver.Checkpoint{Path: *j.place.Load(), FileID: j.id, Offset: j.ledger.Safe()}
}

// at notes where the file is.
func (j *journal) at(path string, info fs.FileInfo) {
	j.path, j.info, j.gone = path, info, false
	j.place.Store(&path)
}

// is reports whether info is of this file. The inode of one that is closed may be
// another's by now.
func (j *journal) is(info fs.FileInfo) bool {
	return os.SameFile(j.info, info) && (j.f != nil || info.Size() == j.info.Size() && info.ModTime().Equal(j.info.ModTime()))
}

// settled reports whether all that will ever be in the file is delivered.
func (j *journal) settled() bool {
	return (j.hdr.archived || j.gone || j.broken) && (j.next >= j.hdr.entries || j.broken) && j.ledger.Pending() == 0
}

func (j *journal) close() {
	if j.f != nil {
		if info, err := j.f.Stat(); err == nil {
			j.info = info
		}
		// It was only read.
		_ = j.f.Close()
		j.f = nil
	}
}
