package statsd

import "hash/maphash"

const (
	// ways is how many series may share a place of the cache, places how many
	// places there are.
	ways   = 4
	places = 2048
	// maxText is the longest text of a series that is remembered, so that the
	// cache has at most ways*places*maxText bytes of text.
	maxText = 1 << 10
)

// cache remembers what stood around values. A series that is not there takes the
// place, and the memory, of the one of four that was not used for longest.
type cache struct {
	seed   maphash.Seed
	places *[places][ways]*series // nil before the first line
	// spare reads what is too long to remember.
	spare series
}

func newCache() cache { return cache{seed: maphash.MakeSeed()} }

// find returns the series with this name and what follows the value.
func (c *cache) find(name, rest []byte) (*series, cause) {
	if len(name)+len(rest) > maxText {
		return &c.spare, c.spare.parse(name, rest)
	}
	if c.places == nil {
		c.places = new([places][ways]*series)
	}
	hash := maphash.Bytes(c.seed, name)*31 + maphash.Bytes(c.seed, rest)
	place := &c.places[hash%places]
	for i, s := range place {
		if s == nil {
			break
		}
		if s.hash == hash && s.name == len(name) && string(s.text[:s.name]) == string(name) && string(s.text[s.name:]) == string(rest) {
			if i > 1 { // nearer to the front, not each time
				place[i], place[i-1] = place[i-1], s
			}
			return s, fine
		}
	}
	return c.insert(place, hash, name, rest)
}

// insert parses a new series into the last place.
func (c *cache) insert(place *[ways]*series, hash uint64, name, rest []byte) (*series, cause) {
	s := place[ways-1]
	if s == nil {
		s = new(series)
	}
	if bad := s.parse(name, rest); bad != fine {
		s.hash, s.name, s.text = 0, 0, s.text[:0] // matches nothing: names are not empty
		return s, bad
	}
	s.hash = hash
	for i := range place {
		if place[i] == nil {
			place[i] = s
			return s, fine
		}
	}
	// Behind the two that are used most.
	place[3], place[2] = place[2], s
	return s, fine
}
