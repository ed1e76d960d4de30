// Readable numbers: bytes, ages, latencies and plurals.

package show

import (
	"fmt"
	"strconv"
	"time"
)

// Bytes formats a number of bytes in at most five characters: 999, 1.2K, 34K,
// 1023M; a K is 1024.
func Bytes(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	units := "KMGTPE"
	v := float64(n) / 1024
	for len(units) > 1 && v >= 1023.5 {
		v, units = v/1024, units[1:]
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f%c", v, units[0])
	}
	return fmt.Sprintf("%.0f%c", v, units[0])
}

// Age formats a time in seconds in at most six characters: 0.3s, 42s, 4m12s,
// 3h05m, 2d04h, 123d. It rounds down, so that an age is never shown too early.
func Age(seconds float64) string {
	if !(seconds > 0) {
		return "0.0s"
	}
	if seconds < 10 {
		tenths := int(seconds * 10)
		return fmt.Sprintf("%d.%ds", tenths/10, tenths%10)
	}
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	switch s := int64(min(seconds, 1<<53)); {
	case s < minute:
		return fmt.Sprintf("%ds", s)
	case s < hour:
		return fmt.Sprintf("%dm%02ds", s/minute, s%minute)
	case s < day:
		return fmt.Sprintf("%dh%02dm", s/hour, s%hour/minute)
	case s < 100*day:
		return fmt.Sprintf("%dd%02dh", s/day, s%day/hour)
	default:
		return fmt.Sprintf("%dd", s/day)
	}
}

// latency formats a short time in seconds: milliseconds up to 10 s; "-" if it
// is not known yet.
func latency(seconds float64) string {
	switch {
	case !(seconds > 0):
		return "-"
	case seconds < 10:
		return fmt.Sprintf("%.1fms", seconds*1000)
	}
	return Age(seconds)
}

func since(t, now time.Time) string { return Age(now.Sub(t).Seconds()) }

// Plural formats a number with its noun: 1 session, 2 sessions.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
