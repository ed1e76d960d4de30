// Tests of syslog datagrams: their forms, months, limits and host names.

package record

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSyslog(t *testing.T) {
	const second = 1793608205 // 2026-11-02 08:30:05 UTC
	for name, test := range map[string]struct {
		severity Severity
		unix     int64
		offset   int32
		host     string
		text     string
		want     string
	}{
		"local":          {Notice, sunday, 0, "", "(119): Complete.", "<29>Nov 22 17:30:00 plug[7]: (119): Complete."},
		"day is padded":  {Err, second, 0, "", "x", "<27>Nov  2 08:30:05 plug[7]: x"},
		"local time":     {Warning, second, -9 * 3600, "", "x", "<28>Nov  1 23:30:05 plug[7]: x"},
		"UDP":            {Notice, sunday, 0, "gate", "x", "<29>Nov 22 17:30:00 gate plug[7]: x"},
		"UDP, odd host":  {Warning, sunday, 0, "my ga\nte", "x", "<28>Nov 22 17:30:00 my-ga-te plug[7]: x"},
		"controls":       {Notice, sunday, 0, "", "a\nb\x00c\td\x7fe\u0085f", "<29>Nov 22 17:30:00 plug[7]: a?b?c?d?e?f"},
		"not UTF-8":      {Notice, sunday, 0, "", "a\xffb\xc3", "<29>Nov 22 17:30:00 plug[7]: a?b?"},
		"UTF-8 stays":    {Notice, sunday, 0, "", "über \ufffd", "<29>Nov 22 17:30:00 plug[7]: über \ufffd"},
		"nothing to say": {Notice, sunday, 0, "", "", "<29>Nov 22 17:30:00 plug[7]: "},
		"January":        {Notice, 0, 0, "", "x", "<29>Jan  1 00:00:00 plug[7]: x"},
	} {
		t.Run(name, func(t *testing.T) {
			got := AppendSyslog([]byte("before "), test.severity, test.unix, test.offset, test.host, 7, []byte(test.text))
			if string(got) != "before "+test.want {
				t.Errorf("got  %q\nwant %q", got, "before "+test.want)
			}
		})
	}
}

func TestSyslogMonths(t *testing.T) {
	for month := time.January; month <= time.December; month++ {
		at := time.Date(2027, month, 28, 1, 2, 3, 0, time.UTC)
		want := "<29>" + at.Format(time.Stamp) + " plug[1]: x"
		if got := string(AppendSyslog(nil, Notice, at.Unix(), 0, "", 1, []byte("x"))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A datagram is cut at its limit wherever its buffer begins, never in a
// character.
func TestSyslogLimits(t *testing.T) {
	for _, host := range []string{"", "gate", strings.Repeat("g", 2000)} {
		limit := MaxSyslogLocal
		if host != "" {
			limit = MaxSyslogUDP
		}
		for _, unit := range []string{"x", "ü", "€", "\U0001F600", "\n"} {
			for shift := range 5 {
				text := []byte(strings.Repeat("x", shift) + strings.Repeat(unit, 3000))
				frame := AppendSyslog(make([]byte, 99), Notice, sunday, 0, host, 1, text)[99:]
				if len(frame) > limit || len(frame) <= limit-utf8.UTFMax {
					t.Errorf("host %.5q, unit %q: %d bytes, limit %d", host, unit, len(frame), limit)
				}
				if !utf8.Valid(frame) || bytes.ContainsAny(frame, "\n") {
					t.Errorf("host %.5q, unit %q: broken at the end: %q", host, unit, frame[len(frame)-8:])
				}
			}
		}
	}
}

func TestShortHost(t *testing.T) {
	for name, want := range map[string]string{
		"gate":             "gate",
		"gate.example.org": "gate",
		"10.0.0.1":         "10.0.0.1",
		"2001:db8::1":      "2001:db8::1",
		"::ffff:10.0.0.1":  "::ffff:10.0.0.1",
		"4gate.example":    "4gate",
		"":                 "",
	} {
		if got := ShortHost(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
