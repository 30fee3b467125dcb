package insights

import (
	"encoding/binary"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// deduper is the sink of a query whose first command on all rows, sort aside, is
// dedup: of the rows with the same values it keeps the first in order.
type deduper struct {
	order  []orderKey // none: newest first
	keys   []expr
	firsts map[string]*record
	others []*record // rows in which a value is missing
	key    []byte
	spare  record
}

func (d *deduper) full() bool { return false }

func (d *deduper) add(e *env) {
	var complete bool
	d.key, complete = e.appendKey(d.key[:0], d.keys)
	if !complete {
		r := &record{}
		d.fill(e, r)
		d.others = append(d.others, r)
		return
	}
	old := d.firsts[string(d.key)]
	if old != nil && len(d.order) == 0 && newest(e.row.Time, e.seq, old) >= 0 {
		return
	}
	// Only the order counts so far; the row is copied if it stays.
	d.spare.row.Time, d.spare.seq = e.row.Time, e.seq
	d.sortKeys(e, &d.spare)
	if old != nil && compareRecords(d.order, &d.spare, old) >= 0 {
		return
	}
	if old == nil {
		old = &record{}
		d.firsts[string(d.key)] = old
	}
	d.fill(e, old)
}

func (d *deduper) fill(e *env, r *record) {
	d.sortKeys(e, r)
	e.keep(r)
}

func (d *deduper) sortKeys(e *env, r *record) {
	r.keys = r.keys[:0]
	for _, k := range d.order {
		r.keys = append(r.keys, newSortKey(k.x(e)))
	}
}

func (d *deduper) merge(other sink) {
	o := other.(*deduper)
	d.others = append(d.others, o.others...)
	for key, theirs := range o.firsts {
		if ours := d.firsts[key]; ours == nil || compareRecords(d.order, theirs, ours) < 0 {
			d.firsts[key] = theirs
		}
	}
}

func (d *deduper) records(*Options) []*record {
	rows := make([]*record, 0, len(d.firsts)+len(d.others))
	rows = append(rows, d.others...)
	for _, r := range d.firsts {
		rows = append(rows, r)
	}
	order.By(rows, func(a, b *record) int { return compareRecords(d.order, a, b) })
	return rows
}

// appendKey appends a text that is equal for rows with the same values, and
// reports whether none is missing.
func (e *env) appendKey(key []byte, keys []expr) ([]byte, bool) {
	for _, k := range keys {
		v := k(e)
		if !v.isPlain() {
			return key, false
		}
		at := len(key)
		key = v.appendTo(append(key, 0, 0, 0, 0))
		binary.LittleEndian.PutUint32(key[at:], uint32(len(key)-at))
	}
	return key, true
}
