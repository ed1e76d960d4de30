// Times on the command line.

package pick

import (
	"errors"
	"strconv"
	"time"
)

var errTime = errors.New("expected a time above 0, as in 90 or 1h30m")

// Time parses a time like plug's options: in seconds, or with Go's units: 90,
// 1.5, 250ms, 1h30m. It must be above 0.
func Time(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if seconds, bad := strconv.ParseFloat(text, 64); bad == nil {
		err = nil
		d = 0
		if seconds < 1<<32 {
			d = time.Duration(seconds * float64(time.Second))
		}
	}
	if err != nil || d <= 0 {
		return 0, errTime
	}
	return d, nil
}
