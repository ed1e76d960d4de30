// Tests of local dates and times against package time.

package record

import (
	"math/rand/v2"
	"testing"
	"time"
)

var (
	firstSecond = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(2200, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

func check(t *testing.T, unix int64, offset int32) {
	t.Helper()
	got := string(civilOf(unix, offset).append(nil, ' '))
	want := time.Unix(unix, 0).In(time.FixedZone("", int(offset))).Format("2006-01-02 15:04:05")
	if got != want {
		t.Fatalf("%d at %+d: got %s, want %s", unix, offset, got, want)
	}
}

// Every day in range, at its first and its last second.
func TestCivilEveryDay(t *testing.T) {
	for unix := firstSecond; unix <= lastSecond; unix += secondsPerDay {
		check(t, unix, 0)
		check(t, unix+secondsPerDay-1, 0)
	}
}

func TestCivilAnyMoment(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		check(t, firstSecond+random.Int64N(lastSecond-firstSecond), random.Int32N(36*3600)-18*3600)
	}
}

func TestCivilTable(t *testing.T) {
	for _, test := range []struct {
		unix   int64
		offset int32
		want   string
	}{
		{0, 0, "1970-01-01 00:00:00"},
		{0, -1, "1969-12-31 23:59:59"},
		{951782399, 0, "2000-02-28 23:59:59"},
		{951782400, 0, "2000-02-29 00:00:00"},
		{951868800, 0, "2000-03-01 00:00:00"},
		{1<<31 - 1, 0, "2038-01-19 03:14:07"},
		{1 << 32, 0, "2106-02-07 06:28:16"},
		{4107542399, 0, "2100-02-28 23:59:59"},
		{4107542400, 0, "2100-03-01 00:00:00"},
		{sunday, 5*3600 + 45*60, "2026-11-22 23:15:00"},
	} {
		if got := string(civilOf(test.unix, test.offset).append(nil, ' ')); got != test.want {
			t.Errorf("%d at %+d: got %s, want %s", test.unix, test.offset, got, test.want)
		}
	}
}
