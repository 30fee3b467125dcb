// Package datagram reads datagrams from a socket many at a time, and learns from
// the kernel how many it has thrown away.
package datagram

// MaxUDP is the room that the longest payload of UDP needs, in bytes.
const MaxUDP = 64 << 10

// Gather is the memory of one batch: datagrams, one behind the other. It takes
// its memory when the first datagram has come.
type Gather struct {
	buf        []byte
	used       int
	ends       []int
	size, most int
	longest    int
}

// NewGather returns a Gather of size bytes for most datagrams, none longer than
// longest bytes. What a longer one has beyond that is lost. size must be longest
// at least.
func NewGather(size, most, longest int) *Gather {
	return &Gather{size: size, most: most, longest: longest}
}

// Reset forgets what was gathered.
func (g *Gather) Reset() { g.used, g.ends = 0, g.ends[:0] }

// Len returns how many datagrams there are.
func (g *Gather) Len() int { return len(g.ends) }

// At returns datagram i, which is valid until Reset.
func (g *Gather) At(i int) []byte {
	start := 0
	if i > 0 {
		start = g.ends[i-1]
	}
	return g.buf[start:g.ends[i]:g.ends[i]]
}

// room returns where to read the next datagram, nil if the batch is complete.
func (g *Gather) room() []byte {
	if g.buf == nil {
		g.buf, g.ends = make([]byte, g.size), make([]int, 0, g.most)
	}
	if len(g.ends) == g.most || len(g.buf)-g.used < g.longest {
		return nil
	}
	return g.buf[g.used : g.used+g.longest]
}

// took notes that a datagram of n bytes was read into room.
func (g *Gather) took(n int) {
	g.used += n
	g.ends = append(g.ends, g.used)
}
