package receiver

import (
	"strings"
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// maxSources bounds a Dests. Beyond it the cache starts again from nothing,
// which costs one call of the function for each source still in use.
const maxSources = 4096

// Dests remembers which destination belongs to a source, such as a tag or a
// path, so that the function that works it out is called once for each. It is
// safe for concurrent use; a hit does not allocate.
type Dests struct {
	find func(source string) sidelight.DestHandle

	mu    sync.Mutex
	known map[string]Input
}

// Input is a source and where its events go.
type Input struct {
	Source string
	Dest   sidelight.DestHandle
}

// NewDests returns an empty cache over find, which may be called for the same
// source again once more than 4,096 sources were seen.
func NewDests(find func(source string) sidelight.DestHandle) *Dests {
	return &Dests{find: find, known: map[string]Input{}}
}

// Get returns the destination of source. Invalid UTF-8 in it is replaced
// before the function sees it.
func (d *Dests) Get(source []byte) sidelight.DestHandle { return d.Input(source).Dest }

// Input is like Get, and returns the source as well, as the function saw it.
func (d *Dests) Input(source []byte) Input {
	d.mu.Lock()
	in, ok := d.known[string(source)]
	d.mu.Unlock()
	if ok {
		return in
	}
	key := string(source)
	in.Source = strings.ToValidUTF8(key, "\ufffd")
	in.Dest = d.find(in.Source)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxSources {
		clear(d.known)
	}
	d.known[key] = in
	return in
}
