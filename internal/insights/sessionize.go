package insights

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// sessionGap is the pause after which another session begins if the text does not
// say (user guide, "sessionize").
const sessionGap = 30 * 60 * 1000 // ms

// sessionStep tells the sessions of rows apart. Rows with the same identity belong
// to one session as long as no more than gap lies between one and the next.
// Sessions are numbered by when they begin, from 1; rows that lack a part of their
// identity have none.
type sessionStep struct {
	in   *scope
	keys []expr
	gap  int64 // ms
	col  int
}

// sessionizeCommand compiles sessionize f[, g …] [maxspan 30m] [as session_id].
func (c *compiler) sessionizeCommand() error {
	if !c.scope.events {
		return c.refuse("sessionize goes by @timestamp, which is gone after stats")
	}
	s := &sessionStep{in: c.scope, gap: sessionGap}
	var err error
	if s.keys, err = c.operands(); err != nil {
		return err
	}
	if err := c.maxSpan(s); err != nil {
		return err
	}
	name := "session_id"
	if c.takeWord("as") {
		if name, err = c.newName(); err != nil {
			return err
		}
	}
	i, col := c.scope.column()
	s.col = i
	c.scope.names[name], c.scope.index[name] = col, i
	c.chooseAlso(column{name, col})
	c.addBarrier(s)
	return nil
}

func (c *compiler) maxSpan(s *sessionStep) error {
	if !c.takeWord("maxspan") {
		return nil
	}
	c.space()
	start := c.i
	per, err := c.periodNode()
	if err == nil && per.months > 0 {
		err = c.errorAt(start, c.i, "expected a period of a fixed length, such as 30m or 7d")
	}
	s.gap = per.ms
	return err
}

// session is a row on the way to its session.
type session struct {
	key string
	at  int64
	r   *record
}

func (s *sessionStep) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	out := make([]*record, len(rows))
	var known []session
	for i, r := range rows {
		e.load(r)
		kept := *r
		kept.cols = slices.Clone(e.cols)
		out[i] = &kept
		if key, ok := s.identity(e); ok {
			known = append(known, session{key, e.row.Time, &kept})
		}
	}
	for i, rows := range s.cut(known) {
		for _, row := range rows {
			row.r.cols[s.col] = textValue([]byte(strconv.Itoa(i + 1)))
		}
	}
	return out
}

// identity returns the values of the keys, or false if one is missing.
func (s *sessionStep) identity(e *env) (string, bool) {
	var key []byte
	for _, x := range s.keys {
		v := x(e)
		if !v.isPlain() {
			return "", false
		}
		at := len(key)
		key = v.appendTo(key)
		key = strconv.AppendInt(append(key, 0), int64(len(key)-at), 10)
	}
	return string(key), true
}

// cut returns the sessions in the order of their first rows.
func (s *sessionStep) cut(rows []session) [][]session {
	order.By(rows, func(a, b session) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at), cmp.Compare(a.r.seq, b.r.seq))
	})
	var all [][]session
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].key == rows[from].key && rows[to].at-rows[to-1].at <= s.gap {
			to++
		}
		all = append(all, rows[from:to])
		from = to
	}
	order.Stable(all, func(a, b []session) int {
		return cmp.Or(cmp.Compare(a[0].at, b[0].at), cmp.Compare(a[0].r.seq, b[0].r.seq))
	})
	return all
}
