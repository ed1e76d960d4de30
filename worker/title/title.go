// Package title owns what ps(1) shows of a process: the title in place of its
// arguments, and the short name beside it. It knows the words of the titles
// and, on Linux, the memory that the kernel reads them from.
//
// A program claims that memory once, as the first thing in main, and sets a
// title as often as it likes: that is a copy of some bytes, no system call.
// Elsewhere titles are nobody's concern and all of this does nothing.
package title

// maxTitle is what the kernel shows of a title: it reads one page, and the
// last byte of that ends it.
const maxTitle = 4096 - 1

// Title is a process's title. A nil one takes and shows nothing. It belongs to
// one goroutine; that ps reads at the same time is no harm, it may see the
// beginning of one title and the end of another.
type Title struct {
	area []byte // the arguments, perhaps the environment behind them
	args int    // how much of it the arguments were, with their NULs
}

// mark is what a short title leaves in the last byte of the arguments; any
// byte but NUL would do.
const mark = '.'

// Room is the length of the longest title, in bytes; 0 where there are none.
func (t *Title) Room() int {
	if t == nil {
		return 0
	}
	return max(0, min(len(t.area)-1, maxTitle))
}

// Set shows b, which has no NUL in it, cut to the room there is.
//
// The kernel's rule (fs/proc/base.c, get_mm_cmdline) is: if the last byte of
// the arguments is NUL, they are shown as they are; if it isn't, a title was
// written over them, and it is shown up to its first NUL, even beyond the
// arguments. So a short title needs a mark in that last byte, and a longer
// one marks it by itself; the one that ends just there is right either way.
func (t *Title) Set(b []byte) {
	room := t.Room()
	if room == 0 {
		return
	}
	n := copy(t.area[:room], b)
	t.area[n] = 0
	if last := t.args - 1; n < last {
		// After the NUL, so that who reads in between meets only titles.
		t.area[last] = mark
	}
}
