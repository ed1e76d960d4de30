package top

import "slices"

// cursor is the place of one row in a list, kept by the row's name.
type cursor struct {
	name  string // "" if the list is empty
	row   int
	first int // the row at the top of the screen
}

// follow finds the row again in a list that has changed; if it is gone, the
// cursor stays where it was.
func (c *cursor) follow(names []string) {
	if i := slices.Index(names, c.name); i >= 0 {
		c.row = i
	}
	c.set(c.row, names)
}

// set moves to a row, as far as there are rows.
func (c *cursor) set(row int, names []string) {
	c.row = max(0, min(row, len(names)-1))
	c.name = ""
	if c.row < len(names) {
		c.name = names[c.row]
	}
}

// window is which of n rows a screen with room for so many shows: the cursor's
// among them.
func (c *cursor) window(n, room int) (from, to int) {
	if room <= 0 {
		return 0, 0
	}
	c.first = min(c.first, c.row)
	c.first = max(c.first, c.row-room+1)
	c.first = max(0, min(c.first, n-room))
	return c.first, min(n, c.first+room)
}
