// Fitting a table to a terminal's width by omitting columns.

package show

import (
	"slices"
	"unicode/utf8"
)

// Fit returns a table's lines in at most width columns, if omitting the
// columns in Spare can achieve that.
func (t *Table) Fit(width int) []string {
	lines := t.Lines(width)
	for _, head := range t.Spare {
		if widest(lines) <= width {
			break
		}
		t.drop(head)
		lines = t.Lines(width)
	}
	return lines
}

func widest(lines []string) (most int) {
	for _, line := range lines {
		most = max(most, utf8.RuneCountInString(line))
	}
	return most
}

// drop removes a column, if the table has it.
func (t *Table) drop(head string) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Head == head })
	if i < 0 {
		return
	}
	t.Columns = slices.Delete(t.Columns, i, i+1)
	for r := range t.Rows {
		t.Rows[r] = slices.Delete(t.Rows[r], i, i+1)
	}
}
