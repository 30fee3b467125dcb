package insights

import "github.com/sidelight-dev/sidelight/internal/jsonscan"

// expr evaluates an expression for the row that e stands at.
type expr func(e *env) value

// cond is an expression of which only the truth is wanted.
type cond func(e *env) bool

// env is the row that expressions are evaluated for, with what has been found
// out about it so far. It belongs to one goroutine.
type env struct {
	scope *scope
	opt   *Options
	row   *Row    // nil after stats
	seq   uint64  // where the row was stored, for ties
	cols  []value // columns of stats, elements of unnest

	json  jsonState
	memo  []memo // values of computed columns
	gen   uint32 // a memo of another generation is of another row
	arena []byte // texts made for this row

	pieces [][]byte // scratch of parse
}

type memo struct {
	gen uint32
	value
}

func newEnv(s *scope, opt *Options) *env {
	e := &env{scope: s, opt: opt, memo: make([]memo, s.memos), cols: make([]value, s.cols)}
	e.json.found = make([]jsonscan.Value, len(s.paths))
	return e
}

// reset moves e to another row.
func (e *env) reset(row *Row, seq uint64) {
	e.row, e.seq = row, seq
	e.json.started = false
	e.arena = e.arena[:0]
	e.gen++
}

// load moves e to a row that was kept.
func (e *env) load(r *record) {
	if r.event {
		e.reset(&r.row, r.seq)
	} else {
		e.reset(nil, r.seq)
	}
	clear(e.cols[copy(e.cols, r.cols):])
}

// since returns what was appended to the arena from start on.
func (e *env) since(start int) []byte { return e.arena[start:len(e.arena):len(e.arena)] }

// bytes copies s to the arena.
func (e *env) bytes(s string) []byte {
	start := len(e.arena)
	e.arena = append(e.arena, s...)
	return e.since(start)
}

// remembered returns an expression that evaluates x once a row.
func (s *scope) remembered(x expr) expr {
	i := s.memos
	s.memos++
	return func(e *env) value {
		m := &e.memo[i]
		if m.gen != e.gen {
			m.value = x(e)
			m.gen = e.gen
		}
		return m.value
	}
}

// record is a row that was kept: the event, if it still is one, and the
// columns that cannot be computed from it.
type record struct {
	event bool
	row   Row
	seq   uint64
	cols  []value
	keys  []sortKey
}

// keep copies the row that e stands at to r, reusing r's memory.
func (e *env) keep(r *record) {
	r.seq = e.seq
	if e.row != nil {
		message := append(r.row.Message[:0], e.row.Message...)
		r.event, r.row = true, *e.row
		r.row.Message = message
	}
	r.cols = r.cols[:0]
	for _, v := range e.cols {
		r.cols = append(r.cols, v.clone())
	}
}

// widened is a copy of r, which e stands at, with all columns of the scope: r
// belongs to the sink, which goes on working with it.
func (r *record) widened(e *env) *record {
	kept := *r
	kept.cols = append(make([]value, 0, len(e.cols)), e.cols...)
	return &kept
}
