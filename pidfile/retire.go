// Closing replaced files in the background.

package pidfile

// retiring limits the number of replaced files whose close has not returned
// yet. A master writes at most every 10 ms, so the disk may be busy for about
// a second before a Write has to wait.
const retiring = 100

// retire closes the descriptor of a file that has lost its name, without
// waiting for it. The last close frees the file's blocks; for that, ext4 waits
// for their writeback and, if mounted with discard and without a journal, for
// the disk's answer: milliseconds, or half a second on a busy disk. The next
// content must not be delayed by the previous one.
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
