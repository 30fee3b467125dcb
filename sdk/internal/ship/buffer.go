package ship

import (
	"go.opentelemetry.io/otel/sdk/instrumentation"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

const (
	// chunkBytes is where a chunk is full. A chunk whose older half was
	// dropped still occupies all of it, so it also bounds that waste.
	chunkBytes = 32 << 10
	firstChunk = 4 << 10
	// itemOverhead is what an item costs beside its bytes.
	itemOverhead = 16
)

// item is one encoded message in a chunk; it starts where the one before ends.
type item struct {
	end   int
	scope int
	count int
}

// chunk is a run of items of one class, oldest first.
type chunk struct {
	buf   []byte
	items []item
	head  int // first item that is still there
}

func (c *chunk) start(i int) int {
	if i == 0 {
		return 0
	}
	return c.items[i-1].end
}

// ref is an item that was taken out for sending.
type ref struct {
	item
	class int
	body  []byte
}

func (r *ref) size() int { return len(r.body) + itemOverhead }

// buffer holds items in classes, of which 0 is the least valuable. It has no
// lock of its own.
type buffer struct {
	limit   int
	used    int // bytes, with what is out for sending
	queued  int // count, with what is out for sending
	classes [][]*chunk
	scopes  []otlp.Scope
	index   map[instrumentation.Scope]int
}

func (b *buffer) scope(s instrumentation.Scope) int {
	if i, ok := b.index[s]; ok {
		return i
	}
	b.scopes = append(b.scopes, otlp.NewScope(s))
	b.index[s] = len(b.scopes) - 1
	return len(b.scopes) - 1
}

// add keeps a copy of body. It returns the count of what was dropped to make
// room: older items of the same or a lower class, or else the new one.
func (b *buffer) add(scope, class, count int, body []byte) (dropped int) {
	size := len(body) + itemOverhead
	for b.used+size > b.limit {
		n, ok := b.evict(class)
		if !ok {
			return dropped + count
		}
		dropped += n
	}
	list := b.classes[class]
	if len(list) == 0 || len(list[len(list)-1].buf) >= chunkBytes {
		list = append(list, &chunk{buf: make([]byte, 0, max(firstChunk, len(body)))})
		b.classes[class] = list
	}
	c := list[len(list)-1]
	c.buf = append(c.buf, body...)
	c.items = append(c.items, item{end: len(c.buf), scope: scope, count: count})
	b.used += size
	b.queued += count
	return dropped
}

// evict drops the oldest item of the lowest class up to class.
func (b *buffer) evict(class int) (count int, ok bool) {
	for i, list := range b.classes[:class+1] {
		if len(list) == 0 {
			continue
		}
		c := list[0]
		it := c.items[c.head]
		b.used -= it.end - c.start(c.head) + itemOverhead
		b.queued -= it.count
		if c.head++; c.head == len(c.items) {
			b.classes[i] = dropFirst(list)
		}
		return it.count, true
	}
	return 0, false
}

func dropFirst(list []*chunk) []*chunk {
	if len(list) == 1 {
		return nil // or the slice's array would keep growing
	}
	return list[1:]
}

// take removes whole chunks, the most valuable first, until they hold about
// bytes. What it returns stays accounted until settle or restore.
func (b *buffer) take(bytes int) []ref {
	var refs []ref
	for class := len(b.classes) - 1; class >= 0; class-- {
		for len(b.classes[class]) > 0 && bytes > 0 {
			c := b.classes[class][0]
			b.classes[class] = dropFirst(b.classes[class])
			for i := c.head; i < len(c.items); i++ {
				body := c.buf[c.start(i):c.items[i].end]
				refs = append(refs, ref{item: c.items[i], class: class, body: body})
				bytes -= len(body) + itemOverhead
			}
		}
	}
	return refs
}

// settle forgets items that were taken.
func (b *buffer) settle(refs []ref) {
	for i := range refs {
		b.used -= refs[i].size()
		b.queued -= refs[i].count
	}
}

// restore puts items that were taken back as the oldest of their class.
func (b *buffer) restore(refs []ref) {
	back := make([]*chunk, len(b.classes))
	for i := range refs {
		r := &refs[i]
		c := back[r.class]
		if c == nil {
			c = &chunk{}
			back[r.class] = c
		}
		c.buf = append(c.buf, r.body...)
		c.items = append(c.items, item{end: len(c.buf), scope: r.scope, count: r.count})
	}
	for class, c := range back {
		if c != nil {
			b.classes[class] = append([]*chunk{c}, b.classes[class]...)
		}
	}
}

// groups sorts items by scope, keeping their order within one.
func (b *buffer) groups(refs []ref) []otlp.Group {
	var groups []otlp.Group
	at := make(map[int]int)
	for i := range refs {
		g, ok := at[refs[i].scope]
		if !ok {
			g = len(groups)
			at[refs[i].scope] = g
			groups = append(groups, otlp.Group{Scope: b.scopes[refs[i].scope]})
		}
		groups[g].Items = append(groups[g].Items, refs[i].body)
	}
	return groups
}

func countOf(refs []ref) int {
	n := 0
	for i := range refs {
		n += refs[i].count
	}
	return n
}
