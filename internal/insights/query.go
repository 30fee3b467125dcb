package insights

import (
	"context"
	"runtime"
	"strconv"
	"time"
	"unicode/utf8"
)

// MaxLength is the longest query in characters (SDK: StartQuery).
const MaxLength = 10_000

// DefaultLimit is how many rows a query shows if nothing says otherwise (user
// guide, "limit").
const DefaultLimit = 10_000

// Query is a compiled query. It is immutable and safe for concurrent use.
type Query struct {
	text string
	plan plan
}

// Parse compiles the text of a query. Its error is a *SyntaxError.
func Parse(text string) (*Query, error) {
	if n := utf8.RuneCountInString(text); n > MaxLength {
		return nil, errorAt(text, 0, len(text), "expected at most %d characters, found %d", MaxLength, n)
	}
	c := newCompiler(lexer{text: text}, functionTable(), aggregateTable())
	if err := c.query(); err != nil {
		return nil, err
	}
	c.last = c.scope
	return &Query{text: text, plan: c.plan}, nil
}

func newCompiler(l lexer, functions map[string]function, aggregates map[string]aggregate) *compiler {
	s := newScope(true)
	c := &compiler{
		parser: parser{lexer: l, functions: functions, aggregates: aggregates},
		plan:   plan{first: s, pointer: true},
		scope:  s,
	}
	c.subquery = c.subqueryInSet
	c.defaults = []column{{"@timestamp", systemField("@timestamp")}, {"@message", systemField("@message")}}
	return c
}

// String returns the text of the query.
func (q *Query) String() string { return q.text }

// Needles returns byte strings that the message of every row which counts must
// contain, so that a store may leave out blocks without them. Often there are
// none.
func (q *Query) Needles() [][]byte { return q.plan.needles }

// Options are what a query needs to know beside its text. The zero value is
// useful.
type Options struct {
	// Start and End bound the time of the rows in Unix milliseconds, both
	// inclusive, and are what queryStartTime and queryEndTime answer. If both are
	// 0, all rows count.
	Start, End int64
	// Limit is the number of rows to show if the text has no limit; 0 means
	// DefaultLimit.
	Limit int
	// Now is the time that now() answers; zero means the time of Prepare.
	Now time.Time
	// Workers is how many blocks are read at once; 0 means one per processor.
	Workers int
	// Ptr makes the @ptr of a row, the argument of GetLogRecord. It is called
	// from several goroutines, for rows of the result and where a query asks for
	// @ptr. Nil means the Ref in base 36.
	Ptr func(*Row) string
	// Subqueries are the sources of [Query.Subqueries], in their order.
	Subqueries []Source
	// Tables are the lookup tables that [Query.Tables] names, by name.
	Tables map[string]*Table

	run *surroundings
}

func (o Options) withDefaults() Options {
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Ptr == nil {
		o.Ptr = func(r *Row) string { return strconv.FormatUint(r.Ref, 36) }
	}
	return o
}

// Result is the answer of a query, or of the part of it that has run.
type Result struct {
	// Rows are in order. It is not nil.
	Rows       [][]Field
	Statistics Statistics
}

// Field is one cell. Fields that a row lacks are left out of it.
type Field struct {
	Field, Value string
}

// Statistics counts what a query has read.
type Statistics struct {
	// RecordsMatched is the number of rows that passed the filters before the
	// first command that works on all rows.
	RecordsMatched int64
	// RecordsScanned and BytesScanned count the rows within the time range and
	// the bytes of their messages.
	RecordsScanned, BytesScanned int64
	// Groups is the number of log groups with such rows.
	Groups int
}

// Run runs the query over src and waits for it. On an error the result is that
// of the rows read until then.
func (q *Query) Run(ctx context.Context, src Source, opt Options) (*Result, error) {
	x := q.Prepare(src, opt)
	err := x.Run(ctx)
	return x.Result(), err
}
