package pidfile

// retiring bounds the replaced files whose close has not returned yet. A master
// writes every 10 ms at most, so the disk may keep it waiting for about a second
// in a row before a Write does.
const retiring = 100

// retire closes the descriptor of a file that has lost its name, and does not
// wait for that. The last close gives the file's blocks back, for which ext4
// awaits their writeback and, mounted with discard and without a journal, the
// disk's answer: milliseconds, or half a second on a disk with other work. The
// next content must not be late for the sake of the last one.
func (f *File) retire(fd int) {
	if f.retired == nil {
		f.retired = make(chan int, retiring)
		go func(fds <-chan int, closeFD func(int) error) {
			for fd := range fds {
				_ = closeFD(fd)
			}
		}(f.retired, f.closeFD)
	}
	f.retired <- fd
}
