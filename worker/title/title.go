// Package title sets what ps(1) shows of a process: the title in place of its
// arguments, and the short name. It has the texts of the titles and, on Linux,
// the memory that the kernel reads them from.
//
// A program claims that memory once, as the first thing in main, and sets a
// title as often as it likes: that copies some bytes, without a system call.
// On other systems there are no titles, and all of this does nothing.
package title

// maxTitle is what the kernel shows of a title: it reads one page, whose last
// byte ends the title.
const maxTitle = 4096 - 1

// Title is a process's title. A nil Title ignores all calls. Only one
// goroutine may use it. It does no harm if ps reads at the same time: it may
// see the beginning of one title and the end of another.
type Title struct {
	area []byte // the arguments, possibly followed by the environment
	args int    // length of the arguments, with their NULs
}

// mark is the last byte of the arguments while a short title is set; any byte
// except NUL would do.
const mark = '.'

// Room is the length of the longest title, in bytes; 0 where titles are not supported.
func (t *Title) Room() int {
	if t == nil {
		return 0
	}
	return max(0, min(len(t.area)-1, maxTitle))
}

// Set shows b, which has no NUL in it, truncated to the room.
//
// The kernel's rule (fs/proc/base.c, get_mm_cmdline) is: if the last byte of
// the arguments is NUL, they are shown as they are; if it isn't, a title was
// written over them, and it is shown up to its first NUL, even beyond the
// arguments. So a short title needs a mark in that last byte, and a longer one
// overwrites that byte anyway; a title that ends exactly there is correct
// either way.
func (t *Title) Set(b []byte) {
	room := t.Room()
	if room == 0 {
		return
	}
	n := copy(t.area[:room], b)
	t.area[n] = 0
	if last := t.args - 1; n < last {
		// After the NUL, so that a reader in between sees only titles.
		t.area[last] = mark
	}
}
