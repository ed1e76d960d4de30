// The cursor in a list that changes.

package top

import "slices"

// cursor is the position of one row in a list; it follows the row's name.
type cursor struct {
	name  string // "" if the list is empty
	row   int
	first int // the row at the top of the screen
}

// follow finds the row again in a changed list; if it is gone, the cursor
// keeps its position.
func (c *cursor) follow(names []string) {
	if i := slices.Index(names, c.name); i >= 0 {
		c.row = i
	}
	c.set(c.row, names)
}

// set moves to a row, within the list.
func (c *cursor) set(row int, names []string) {
	c.row = max(0, min(row, len(names)-1))
	c.name = ""
	if c.row < len(names) {
		c.name = names[c.row]
	}
}

// window is the range of the n rows that a screen with this room shows; it
// includes the cursor's row.
func (c *cursor) window(n, room int) (from, to int) {
	if room <= 0 {
		return 0, 0
	}
	c.first = min(c.first, c.row)
	c.first = max(c.first, c.row-room+1)
	c.first = max(0, min(c.first, n-room))
	return c.first, min(n, c.first+room)
}
