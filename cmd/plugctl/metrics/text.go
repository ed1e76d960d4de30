// Numbers and times as the page shows them.

package metrics

import (
	"fmt"
	"strconv"
	"time"
)

// bytesText formats bytes with three digits and a binary unit.
func bytesText(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	f, unit := float64(n), 0
	for f >= 1023.5 && unit < len("KMGTPE") {
		f /= 1024
		unit++
	}
	digits := 0
	switch {
	case f < 9.995:
		digits = 2
	case f < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + " " + "KMGTPE"[unit-1:unit] + "iB"
}

// secondsText formats a duration for people: its two largest units.
func secondsText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Truncate(time.Second).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

func spanText(from, to time.Time) string { return secondsText(to.Sub(from).Seconds()) }

// clockText includes the date, for a page that stays open overnight.
func clockText(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// countText groups digits by thousands.
func countText(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percentText(f float64) string {
	if f > 0 && f < 1 {
		return "<1 %"
	}
	return fmt.Sprintf("%.0f %%", f)
}

// countRows formats a number with the word in singular or plural.
func countRows(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return countText(n) + " " + word + "s"
}
