package sandbox

import (
	"os"
	"runtime/debug"
)

// gcPercent is how far the heap may grow between collections. What a sandbox has
// is mostly blocks of log events, which cost nothing to scan.
const gcPercent = 75

// SaveMemory is for a process that is a sandbox and nothing else: it makes the
// garbage collector work harder. Someone who set GOGC knows better.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
