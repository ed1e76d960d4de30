// Tests of log lines: each is compared with what hclog writes.

package record

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

var hclogLevels = map[Level]hclog.Level{
	LevelDebug: hclog.Debug, LevelInfo: hclog.Info, LevelError: hclog.Error,
}

// byHclog is the line that hclog writes at that time.
func byHclog(asJSON bool, level Level, unixNano int64, offset int32, msg string, kv []KV) string {
	var out bytes.Buffer
	logger := hclog.New(&hclog.LoggerOptions{
		Name: "plug", Level: hclog.Trace, Output: &out, JSONFormat: asJSON,
		TimeFn: func() time.Time { return time.Unix(0, unixNano).In(time.FixedZone("", int(offset))) },
	})
	var args []any
	for _, pair := range kv {
		if pair.IsNum {
			args = append(args, pair.Key, pair.Num)
		} else {
			args = append(args, pair.Key, pair.Str)
		}
	}
	logger.Log(hclogLevels[level], msg, args...)
	return out.String()
}

func compare(t *testing.T, level Level, unixNano int64, offset int32, msg string, kv ...KV) {
	t.Helper()
	for _, asJSON := range []bool{false, true} {
		got := string(AppendLog(nil, asJSON, level, unixNano, offset, msg, kv...))
		if want := byHclog(asJSON, level, unixNano, offset, msg, kv); got != want {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
		if asJSON && !json.Valid([]byte(got)) {
			t.Fatalf("not JSON: %q", got)
		}
	}
}

func TestLogShape(t *testing.T) {
	const at = sunday*1e9 + 123456789
	for _, test := range []struct{ got, want string }{
		{
			string(AppendLog([]byte("> "), false, LevelError, at, 0, "msg", Str("key", "value"), Num("n", -5))),
			"> 2026-11-22T17:30:00.123Z [ERROR] plug: msg: key=value n=-5\n",
		},
		{
			string(AppendLog(nil, false, LevelInfo, at, 3600, "msg")),
			"2026-11-22T18:30:00.123+0100 [INFO]  plug: msg\n",
		},
		{
			string(AppendLog([]byte("> "), true, LevelError, at, -3*3600-1800, "msg", Str("key", "value"), Num("n", 5))),
			`> {"@level":"error","@message":"msg","@module":"plug","@timestamp":"2026-11-22T14:00:00.123456-03:30","key":"value","n":5}` + "\n",
		},
	} {
		if test.got != test.want {
			t.Errorf("got  %q\nwant %q", test.got, test.want)
		}
	}
}

func TestLogIsHclogs(t *testing.T) {
	for level := range hclogLevels {
		compare(t, level, sunday*1e9, 0, "msg")
		compare(t, level, sunday*1e9, 0, "")
		compare(t, level, sunday*1e9, 0, "", Str("key", ""), Num("n", 1))
	}
	for _, value := range []string{
		"", "plain", "two words", "10.0.3.15:119", "[::1]:119", "a=b", `say "no"`, `back\slash`, "tab\there",
		"\a\b\f\n\r\t\v\x00\x1b[31m\x7f", "two\nlines", "two\nlines\n", "\n", "\n\n\"\x00\n", "über", "\u0085", "\u2028\u2029",
		"<a href=\"x\">&amp;</a>", "\xff", "\xff\"", "\xed\xa0\x80 \x01", "\U0001F600", "\U000E0001", "\ufffd", "'", "~\x7f",
	} {
		compare(t, LevelError, sunday*1e9, 0, "msg", Str("key", value))
		compare(t, LevelError, sunday*1e9, 0, "msg "+value, Str("a", value), Num("b", 1<<63-1), Str("c", value))
	}
	// JSON sorts its keys, and of two equal ones the later is used.
	compare(t, LevelInfo, sunday*1e9, 0, "msg", Num("z", 1), Num("B", 2), Num("", 3), Num("!", 4), Num("@m", 5), Num("a", 6))
	compare(t, LevelInfo, sunday*1e9, 0, "msg", Num("a", 1), Str("@message", "mine"), Num("a", 2))
}

func TestLogTimeIsHclogs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, offset := range []int32{0, 1, -1, 59, -59, 60, -60, 3600, -3600, 20700, 50400, -12600} {
		compare(t, LevelInfo, sunday*1e9+999999999, offset, "msg")
	}
	for range 2_000 {
		seconds := firstSecond + random.Int64N(lastSecond-firstSecond)
		compare(t, LevelInfo, seconds*1e9+random.Int64N(1e9), random.Int32N(36*3600)-18*3600, "msg")
	}
}

// Values with every character that is special in one of the formats.
func TestLogAnyValueIsHclogs(t *testing.T) {
	pieces := strings.Split(` |"|\|a|=|-|~|,|<|&|é|€|`+"\n|\r|\t|\x00|\x1f|\x7f|\u0080|\u2028|\ufffd|\xff|\xc3|\U0001F600|\U000F0000", "|")
	random := rand.New(rand.NewPCG(5, 6))
	any := func() string {
		var s strings.Builder
		for range random.IntN(8) {
			s.WriteString(pieces[random.IntN(len(pieces))])
		}
		return s.String()
	}
	for range 3_000 {
		compare(t, LevelDebug, random.Int64N(4e18), 0, any(), Str("k", any()), Num("n", random.Int64()), Str("m", any()))
	}
}
