// Package inotify tells what happens to files and directories, by Linux'
// inotify(7). Elsewhere New returns errors.ErrUnsupported, and the caller looks
// for itself from time to time.
//
// It decides nothing: which directories to watch, and what to do about a
// queue that overflowed, is the caller's business.
package inotify

// Op is what happened, a set of bits.
type Op uint32

// The operations, with the values of the kernel.
const (
	Modify    Op = 0x2 // written to or truncated
	MovedFrom Op = 0x40
	MovedTo   Op = 0x80
	Create    Op = 0x100
	Delete    Op = 0x200
	DeleteDir Op = 0x400 // the watched one itself
	MoveDir   Op = 0x800 // the watched one itself
	Overflow  Op = 0x4000
	Ignored   Op = 0x8000 // the watch has ended
	IsDir     Op = 0x40000000
)

// Has reports whether any of the bits of other is set.
func (o Op) Has(other Op) bool { return o&other != 0 }

// Event is one thing that happened.
type Event struct {
	// Watch is what Directory or Once returned.
	Watch int32
	Op    Op
	// Cookie is the same in the two events of a rename.
	Cookie uint32
	// Name is that of the entry of a watched directory.
	Name string
}
