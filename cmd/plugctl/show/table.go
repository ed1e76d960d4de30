// Tables of text with aligned columns.

package show

import (
	"strings"
	"unicode/utf8"
)

// Column is one column of a Table.
type Column struct {
	Head  string
	Right bool // right-aligned, for numbers
}

// Table is a table with a head for each column.
type Table struct {
	Columns []Column
	Rows    [][]string
	Spare   []string // heads of the columns that can be omitted, in order of omission
}

// Lines returns the table's lines, the head first, without newlines. Columns
// are as wide as their cells and two spaces apart, or one space if that makes
// them fit into width. Nothing is truncated: a table may be wider than width.
func (t *Table) Lines(width int) []string {
	wide := make([]int, len(t.Columns))
	sum := 0
	for i, c := range t.Columns {
		wide[i] = utf8.RuneCountInString(c.Head)
		for _, row := range t.Rows {
			wide[i] = max(wide[i], utf8.RuneCountInString(Clean(row[i])))
		}
		sum += wide[i]
	}
	gap := "  "
	if sum+2*(len(wide)-1) > width {
		gap = " "
	}
	lines := make([]string, 0, 1+len(t.Rows))
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = c.Head
	}
	lines = append(lines, t.line(head, wide, gap))
	for _, row := range t.Rows {
		lines = append(lines, t.line(row, wide, gap))
	}
	return lines
}

func (t *Table) line(cells []string, wide []int, gap string) string {
	var b strings.Builder
	for i, cell := range cells {
		cell = Clean(cell)
		pad := strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell))
		if i > 0 {
			b.WriteString(gap)
		}
		if t.Columns[i].Right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// Text is the table's lines, each ended by a newline.
func (t *Table) Text(width int) string {
	return strings.Join(t.Lines(width), "\n") + "\n"
}
