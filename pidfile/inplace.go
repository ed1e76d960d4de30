// Rewriting a pidfile in place, for directories in which no file can be made.

package pidfile

import (
	"bytes"
	"slices"

	"golang.org/x/sys/unix"
)

// maxFill limits the blank lines of rewrite: a pidfile of ours is never longer
// than another by more than this.
const maxFill = 1 << 16

// rewrite writes the buffer into the held inode itself.
//
// The new content overwrites the old with one write, followed by newlines
// where the old content was longer; only then is the file truncated. So a
// reader that reads the file with one read(2) never finds it empty and always
// finds the master; at worst there are blank lines at the end. The rest is
// complete only if the filesystem keeps reads and writes apart: POSIX requires
// it, but on ext4 and tmpfs a read can see half of a write, and on every
// filesystem a reader that needs several calls may get a part of each content.
// Readers can do nothing about it, since the lock is held for the file's whole
// life: InPlace warns of this.
//
// On a full disk a longer content may be written in part; the file is then
// truncated after its last complete line.
func (f *File) rewrite() error {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstat(f.fd, &st) }); err != nil {
		return err
	}
	size := len(f.buf)
	f.buf = fill(f.buf, st.Size)

	done, err := writeAll(f.fd, f.buf)
	if err == nil {
		return again(func() error { return unix.Ftruncate(f.fd, int64(size)) })
	}
	if whole := bytes.LastIndexByte(f.buf[:min(done, size)], '\n') + 1; whole > 0 {
		_ = unix.Ftruncate(f.fd, int64(whole))
	}
	return err
}

// rewriteFirst writes the master into the first line if there is no room for
// the rest: the other lines stay if there is room for them, otherwise they are
// removed. If there is no room even for the master, the file stays as it is.
func (f *File) rewriteFirst() {
	first, _, _ := bytes.Cut(f.buf, []byte{'\n'})
	first = append(slices.Clip(first), '\n')
	old := make([]byte, maxFill)
	n, err := unix.Pread(f.fd, old, 0)
	before, rest, _ := bytes.Cut(old[:max(n, 0)], []byte{'\n'})
	if err != nil || bytes.Equal(append(slices.Clip(before), '\n'), first) {
		return
	}
	for _, content := range [][]byte{slices.Concat(first, rest), first} {
		if f.fits(len(content)) {
			f.buf = content
			_ = f.rewrite()
			return
		}
	}
}

// fill appends newlines to content until it covers old bytes.
func fill(content []byte, old int64) []byte {
	n := min(max(old-int64(len(content)), 0), maxFill)
	return append(content, bytes.Repeat([]byte{'\n'}, int(n))...)
}

// writeAll writes b from the file's beginning, nearly always with one call,
// and returns how much it wrote: a full disk may take only a part.
func writeAll(fd int, b []byte) (done int, err error) {
	for done < len(b) && err == nil {
		var n int
		err = again(func() error { n, err = unix.Pwrite(fd, b[done:], int64(done)); return err })
		if n == 0 && err == nil {
			err = unix.EIO
		}
		done += max(n, 0)
	}
	return done, err
}
