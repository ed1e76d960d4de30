// Reading a line of limited length.

package control

import (
	"bufio"
	"errors"
	"fmt"
)

var errTooLong = errors.New("the line is too long")

// readLine reads up to the next newline, which it removes. A line longer than
// most bytes is errTooLong: no more than that is stored.
func readLine(r *bufio.Reader, most int) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > most {
			return nil, fmt.Errorf("%w; must be at most %d bytes, including the newline", errTooLong, most)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
