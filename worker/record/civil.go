// Local dates and times for records, computed from a Unix time and an offset.

package record

// civil is a time as a calendar and a wall clock show it.
type civil struct {
	year                             int64
	month, day, hour, minute, second int
}

const (
	secondsPerDay = 24 * 60 * 60
	daysPer400    = 400*365 + 97             // the Gregorian calendar repeats after this number of days
	daysTo1970    = 1970*365 + 477 - 31 - 28 // from the 1st of March of year 0
)

// civilOf is the local time, offset seconds east of UTC, of a Unix time.
// Package time would do the same, but it needs a Location for a zone: an
// allocation or a zone file in every worker.
func civilOf(unix int64, offset int32) civil {
	days, clock := floorDiv(unix+int64(offset), secondsPerDay)
	// If years begin in March, the leap day comes last, and the lengths of the
	// months follow one rule: 153 days in every five.
	cycle, day := floorDiv(days+daysTo1970, daysPer400)
	year := (day - day/1460 + day/36524 - day/(daysPer400-1)) / 365
	day -= year*365 + year/4 - year/100
	march := (5*day + 2) / 153 // months since March
	day -= (153*march + 2) / 5

	c := civil{
		year:   cycle*400 + year,
		month:  int(march) + 3,
		day:    int(day) + 1,
		hour:   int(clock / 3600),
		minute: int(clock / 60 % 60),
		second: int(clock % 60),
	}
	if c.month > 12 {
		c.month -= 12
		c.year++
	}
	return c
}

// append appends "2026-11-22", the separator and "17:30:00".
func (c civil) append(dst []byte, separator byte) []byte {
	dst = appendPadded(dst, c.year, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, int64(c.month), 2)
	dst = append(dst, '-')
	dst = appendPadded(dst, int64(c.day), 2)
	dst = append(dst, separator)
	return c.appendClock(dst)
}

func (c civil) appendClock(dst []byte) []byte {
	dst = appendPadded(dst, int64(c.hour), 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, int64(c.minute), 2)
	dst = append(dst, ':')
	return appendPadded(dst, int64(c.second), 2)
}

// appendPadded appends the last width decimal digits of n, which must not be
// negative.
func appendPadded(dst []byte, n int64, width int) []byte {
	var digits [20]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, digits[:width]...)
}

// floorDiv divides so that the remainder is never negative.
func floorDiv(n, by int64) (quotient, remainder int64) {
	quotient, remainder = n/by, n%by
	if remainder < 0 {
		quotient--
		remainder += by
	}
	return quotient, remainder
}
