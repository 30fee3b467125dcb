package render

import "strings"

// canvas is a grid of cells on which boxes, lines and text are drawn. Lines
// remember their directions, so that they join where they meet.
type canvas struct {
	style         Style
	width, height int
	cells         []canvasCell
}

type canvasCell struct {
	text string // one character with its marks; "" if a line or nothing is here
	tail bool   // the right half of a wide character
	tone Tone
	arms uint8 // directions in which lines leave the cell
	dash bool
}

const (
	armUp uint8 = 1 << iota
	armDown
	armLeft
	armRight
)

func newCanvas(s Style, width, height int) *canvas {
	return &canvas{style: s, width: width, height: height, cells: make([]canvasCell, width*height)}
}

// at returns a cell, or a cell that is not shown if the place is outside.
func (c *canvas) at(x, y int) *canvasCell {
	if x < 0 || y < 0 || x >= c.width || y >= c.height {
		return new(canvasCell)
	}
	return &c.cells[y*c.width+x]
}

// text writes over whatever is there.
func (c *canvas) text(x, y int, text string, t Tone) {
	for _, r := range text {
		w := runeWidth(r)
		if w == 0 {
			c.at(x-1, y).text += string(r)
			continue
		}
		*c.at(x, y) = canvasCell{text: string(r), tone: t}
		if w == 2 {
			*c.at(x+1, y) = canvasCell{tail: true}
		}
		x += w
	}
}

// across draws a horizontal line between two columns, both included.
func (c *canvas) across(x1, x2, y int) {
	for x := x1; x <= x2; x++ {
		if x > x1 {
			c.at(x, y).arms |= armLeft
		}
		if x < x2 {
			c.at(x, y).arms |= armRight
		}
	}
}

// down draws a vertical line between two rows, both included.
func (c *canvas) down(x, y1, y2 int) {
	for y := min(y1, y2); y <= max(y1, y2); y++ {
		if y > min(y1, y2) {
			c.at(x, y).arms |= armUp
		}
		if y < max(y1, y2) {
			c.at(x, y).arms |= armDown
		}
	}
}

// box draws a frame and clears what is inside.
func (c *canvas) box(x, y, width, height int, t Tone, dash bool) {
	for row := y; row < y+height; row++ {
		for col := x; col < x+width; col++ {
			*c.at(col, row) = canvasCell{}
		}
	}
	c.across(x, x+width-1, y)
	c.across(x, x+width-1, y+height-1)
	c.down(x, y, y+height-1)
	c.down(x+width-1, y, y+height-1)
	for row := y; row < y+height; row++ {
		for col := x; col < x+width; col++ {
			if cell := c.at(col, row); cell.arms != 0 {
				cell.tone, cell.dash = t, dash
			}
		}
	}
}

// glyph is what a cell without text shows.
func (c *canvas) glyph(cell *canvasCell) string {
	if c.style.ASCII {
		switch cell.arms {
		case 0:
			return " "
		case armLeft, armRight, armLeft | armRight:
			if cell.dash {
				return "."
			}
			return "-"
		case armUp, armDown, armUp | armDown:
			if cell.dash {
				return ":"
			}
			return "|"
		}
		return "+"
	}
	if cell.dash {
		switch cell.arms {
		case armLeft | armRight:
			return "╌"
		case armUp | armDown:
			return "╎"
		}
	}
	// By the sum of up 1, down 2, left 4, right 8.
	return []string{" ", "╵", "╷", "│", "╴", "┘", "┐", "┤", "╶", "└", "┌", "├", "─", "┴", "┬", "┼"}[cell.arms]
}

// String returns the grid as lines without spaces at their ends.
func (c *canvas) String() string {
	var b strings.Builder
	for y := range c.height {
		var line strings.Builder
		run, tone := "", Plain
		flush := func() {
			line.WriteString(c.style.Paint(tone, run))
			run = ""
		}
		last := c.width - 1
		for last >= 0 && c.at(last, y).text == "" && !c.at(last, y).tail && c.at(last, y).arms == 0 {
			last--
		}
		for x := range last + 1 {
			cell := c.at(x, y)
			if cell.tail {
				continue
			}
			if cell.tone != tone {
				flush()
				tone = cell.tone
			}
			if cell.text != "" {
				run += cell.text
			} else {
				run += c.glyph(cell)
			}
		}
		flush()
		b.WriteString(line.String() + "\n")
	}
	return b.String()
}
