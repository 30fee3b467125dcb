package render

import "strings"

// Align is the side of a column that its cells keep to.
type Align uint8

// The alignments.
const (
	AlignLeft Align = iota
	AlignRight
)

// Column describes one column of a Table.
type Column struct {
	Title string
	Align Align
	// Max is the greatest width in cells; longer text is cut with an ellipsis.
	// Zero means no limit.
	Max int
}

// Cell is the content of a table's cell. The text is cleaned when drawn.
type Cell struct {
	Text string
	Tone Tone
}

// Cells makes plain cells.
func Cells(texts ...string) []Cell {
	out := make([]Cell, len(texts))
	for i, t := range texts {
		out[i] = Cell{Text: t}
	}
	return out
}

// Table is rows of aligned columns. Fill Columns, call Row, then Draw. A table
// whose columns have no titles has no head.
type Table struct {
	Columns []Column
	// Indent is the number of spaces before each line.
	Indent int

	rows [][]Cell
}

// Row adds a row. Missing cells are empty; cells beyond the last column are a
// mistake of the caller, and panic.
func (t *Table) Row(cells ...Cell) {
	if len(cells) > len(t.Columns) {
		panic("BUG: table row has more cells than columns")
	}
	row := make([]Cell, len(t.Columns))
	for i, c := range cells {
		row[i] = Cell{Text: Clean(c.Text), Tone: c.Tone}
	}
	t.rows = append(t.rows, row)
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Draw returns the table as lines, each with a line break. Columns are two
// spaces apart; no line ends in spaces.
func (t *Table) Draw(s Style) string {
	widths := t.widths(s)
	var b strings.Builder
	if t.titled() {
		head := make([]Cell, len(t.Columns))
		for i, c := range t.Columns {
			head[i] = Cell{Text: c.Title, Tone: Dim}
		}
		t.line(&b, s, widths, head)
	}
	for _, row := range t.rows {
		t.line(&b, s, widths, row)
	}
	return b.String()
}

func (t *Table) titled() bool {
	for _, c := range t.Columns {
		if c.Title != "" {
			return true
		}
	}
	return false
}

func (t *Table) widths(s Style) []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = Width(c.Title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], Width(t.text(s, row[i], i)))
		}
	}
	return widths
}

// text is a cell's text, cut to its column's limit.
func (t *Table) text(s Style, c Cell, column int) string {
	if m := t.Columns[column].Max; m > 0 {
		return s.Fit(c.Text, m)
	}
	return c.Text
}

func (t *Table) line(b *strings.Builder, s Style, widths []int, row []Cell) {
	last := len(row) - 1
	for last >= 0 && row[last].Text == "" {
		last--
	}
	if last >= 0 {
		b.WriteString(strings.Repeat(" ", t.Indent))
	}
	for i, c := range row[:last+1] {
		if i > 0 {
			b.WriteString("  ")
		}
		text := t.text(s, c, i)
		pad := strings.Repeat(" ", widths[i]-Width(text))
		painted := s.Paint(c.Tone, text)
		switch {
		case t.Columns[i].Align == AlignRight:
			b.WriteString(pad + painted)
		case i == last:
			b.WriteString(painted)
		default:
			b.WriteString(painted + pad)
		}
	}
	b.WriteByte('\n')
}
