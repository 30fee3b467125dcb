package filelog

import "sync/atomic"

// counts is what a Receiver counts. It is written by the goroutine that reads.
type counts struct {
	files, openFiles, waiting, lag                 atomic.Int64
	cuts, truncations, rotations, linesRead, bytes atomic.Uint64
}

// Stats is what a Receiver has to tell of itself.
type Stats struct {
	// Files is how many are followed. Open is how many are open: of these, and
	// of those that have come while there was no room to read.
	Files, Open int64
	// Lag is how many bytes the files that are followed had, when they were last
	// looked at, behind what was read.
	Lag int64
	// Bytes and Lines count what was read, once: not what is read again after it
	// could not be delivered. Lines counts the pieces of lines that were cut.
	Bytes, Lines uint64
	// Cuts counts how often a line was cut because it was too long, Truncations
	// how often a file was begun again, and Rotations the files that were read to
	// their end after they had been renamed or deleted.
	Cuts, Truncations, Rotations uint64
}

// Stats returns the receiver's counts. It is safe for concurrent use.
func (r *Receiver) Stats() Stats {
	return Stats{
		Files: r.files.Load(), Open: r.openFiles.Load() + r.waiting.Load(), Lag: r.lag.Load(),
		Bytes: r.bytes.Load(), Lines: r.linesRead.Load(),
		Cuts: r.cuts.Load(), Truncations: r.truncations.Load(), Rotations: r.rotations.Load(),
	}
}

// measureLag notes how far behind the files' ends the receiver is.
func (r *Receiver) measureLag() {
	var lag int64
	for _, t := range r.order {
		lag += max(0, t.size-t.offset)
	}
	r.lag.Store(lag)
}
