package pidfile

import (
	"bytes"
	"slices"

	"golang.org/x/sys/unix"
)

// maxFill bounds the blank lines of rewrite: as much as a pidfile of ours can
// be longer than another.
const maxFill = 1 << 16

// rewrite puts the buffer into the held inode itself.
//
// The new content goes over the old with one write, followed by newlines where
// the old content was longer, and only then the file is cut. So a reader that
// takes the file by one read(2) never finds it empty and always finds the master;
// at worst there are blank lines at the end. That the rest is whole holds only as
// far as the filesystem keeps reads and writes apart: POSIX asks for it, but ext4
// and tmpfs let a read see half of a write, and a reader that takes several calls
// may get a part of each content everywhere. Readers have no remedy, since the
// lock is held for the file's life: that is what InPlace warns of.
//
// On a full disk a longer content may be written in part; the file is then cut
// after its last whole line.
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

// rewriteFirst puts the master into the first line where there is no room for the
// rest: the other lines stay as they are if there is room for that, else they go.
// What does not even take the master stays as it is.
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

// writeAll writes b from the file's beginning, nearly always by one call, and
// says how much was written: a full disk may take a part.
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
