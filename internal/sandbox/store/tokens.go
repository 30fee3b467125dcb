package store

import "math/bits"

// IDs, such as those of traces and of requests, are long runs of hexadecimal
// digits and dashes. Each sealed block has a filter of those that occur in it,
// so that a look for one ID reads few blocks.
//
// A filter holds pieces of gramSize bytes. Of each stretch of window pieces the
// one with the least hash is in it, so that two texts which share a run of
// minRun bytes share a piece, wherever in longer runs that is; and a run of 32
// digits takes four pieces or so instead of seventeen.
const (
	gramSize = 16
	window   = 9
	minRun   = gramSize + window - 1
	// bitsPerPiece and hashes make one false hit of eight for a piece. A look
	// asks for about four.
	bitsPerPiece = 4
	hashes       = 2
)

// isToken says whether IDs consist of c.
func isToken(c byte) bool {
	return c-'0' < 10 || c|0x20-'a' < 6 || c == '-'
}

// tokenRuns calls yield with each run in text that is long enough.
func tokenRuns(text []byte, yield func(run []byte)) {
	// A run of minRun bytes covers one of the places minRun-1, 2*minRun-1, …
	for i := minRun - 1; i < len(text); {
		if !isToken(text[i]) {
			i += minRun
			continue
		}
		start, end := i, i+1
		for start > 0 && isToken(text[start-1]) {
			start--
		}
		for end < len(text) && isToken(text[end]) {
			end++
		}
		if end-start >= minRun {
			yield(text[start:end])
		}
		i = end + minRun - 1
	}
}

// multiplier is odd and random enough for a rolling hash. gramPower is its power of
// gramSize, which is what the byte that leaves the hash had been multiplied by, and
// the others are on the way there.
const (
	multiplier = 0x9e3779b97f4a7c15
	power2     = multiplier * multiplier & (1<<64 - 1)
	power4     = power2 * power2 & (1<<64 - 1)
	power8     = power4 * power4 & (1<<64 - 1)
	gramPower  = power8 * power8 & (1<<64 - 1)
)

// pieces calls yield with the hashes of a run's chosen pieces. Some come more
// than once.
func pieces(run []byte, yield func(uint64)) {
	var h uint64
	for _, c := range run[:gramSize] {
		h = h*multiplier + uint64(c|0x20)
	}
	var ring [window]uint64
	var least uint64
	at := -1 // where least is
	for i, slot := 0, 0; ; i++ {
		mixed := mix(h)
		ring[slot] = mixed
		if slot++; slot == window {
			slot = 0
		}
		switch {
		case i < window-1:
		case at >= 0 && at > i-window:
			if mixed < least {
				least, at = mixed, i
				yield(least)
			}
		default:
			at = i - window + 1
			for j := at; j <= i; j++ {
				if ring[j%window] <= ring[at%window] {
					at = j
				}
			}
			least = ring[at%window]
			yield(least)
		}
		if i+gramSize == len(run) {
			return
		}
		// Of the two products only the first waits for the hash before.
		h = h*multiplier + (uint64(run[i+gramSize]|0x20) - uint64(run[i]|0x20)*gramPower)
	}
}

func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// filter is a Bloom filter of pieces. Its length is a power of two; nil: the
// block has no IDs.
type filter []uint64

// gathering is a filter while pieces are added: large enough for those of a
// block, for all but some to have places of their own.
type gathering [1 << 12]uint64

func (g *gathering) add(h uint64) {
	for _, i := range filter(g[:]).places(h) {
		g[i/64] |= 1 << (i % 64)
	}
}

// filter returns what was gathered, in as few words as its pieces need. A filter
// is made smaller by folding it: the places of a piece in the smaller one are the
// lower bits of those in the larger.
func (g *gathering) filter() filter {
	set := 0
	for _, w := range g {
		set += bits.OnesCount64(w)
	}
	pieces := (set + hashes - 1) / hashes
	if pieces == 0 {
		return nil
	}
	words := 1 << bits.Len(uint(pieces*bitsPerPiece-1)/64)
	f := g[:]
	for len(f) > words {
		half := len(f) / 2
		for i := range half {
			f[i] |= f[i+half]
		}
		f = f[:half]
	}
	return append(filter(nil), f...)
}

func (f filter) places(h uint64) [hashes]uint64 {
	mask := uint64(len(f))*64 - 1
	return [hashes]uint64{h & mask, h >> 32 & mask}
}

func (f filter) has(h uint64) bool {
	if len(f) == 0 {
		return false
	}
	for _, i := range f.places(h) {
		if f[i/64]&(1<<(i%64)) == 0 {
			return false
		}
	}
	return true
}

// MayContain says whether the needle can be in a message of the block. It can
// say no only for needles with an ID in them, and never does so wrongly.
func (b *Block) MayContain(needle []byte) bool {
	if !b.sealed {
		return true
	}
	may := true
	tokenRuns(needle, func(run []byte) {
		pieces(run, func(h uint64) { may = may && b.ids.has(h) })
	})
	return may
}
