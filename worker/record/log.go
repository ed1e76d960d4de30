// Log lines for stderr, as hclog writes them: levels, keys and the text form.

package record

import (
	"strconv"
	"strings"
	"time"
)

// Level is a log line's level on stderr.
type Level uint8

// The levels of hclog that workers use, with hclog's names.
const (
	LevelDebug Level = iota + 1
	LevelInfo
	LevelError
)

// levelNames has each level as text, padded to one width, and as it is in
// JSON.
var levelNames = [...]struct{ text, json string }{
	LevelDebug: {"[DEBUG]", "debug"},
	LevelInfo:  {"[INFO] ", "info"},
	LevelError: {"[ERROR]", "error"},
}

// KV is one key of a log line with its value, a text or a number. It is not an
// interface, so passing one allocates nothing.
type KV struct {
	Key    string
	Str    string
	Num    int64
	IsNum  bool
	places int // digits of Num after the decimal point
}

// Str is a key with a text.
func Str(key, value string) KV { return KV{Key: key, Str: value} }

// Num is a key with a number.
func Num(key string, value int64) KV { return KV{Key: key, Num: value, IsNum: true} }

// Ms is a key with a duration in milliseconds, to the microsecond: 0.25, 1500.
func Ms(key string, d time.Duration) KV {
	us, places := d.Microseconds(), 3
	for places > 0 && us%10 == 0 {
		us, places = us/10, places-1
	}
	return KV{Key: key, Num: us, IsNum: true, places: places}
}

// appendNum appends a number's digits.
func (kv *KV) appendNum(dst []byte) []byte {
	if kv.places == 0 {
		return strconv.AppendInt(dst, kv.Num, 10)
	}
	n, unit := kv.Num, int64(1)
	for range kv.places {
		unit *= 10
	}
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = append(strconv.AppendInt(dst, n/unit, 10), '.')
	return appendPadded(dst, n%unit, kv.places)
}

// AppendLog appends a line for stderr with its newline, byte for byte what
// hclog 1.6.3 writes for a logger named "plug", so that workers' lines look
// like those of the master, which uses hclog:
//
//	2026-11-22T17:30:00.123+0100 [ERROR] plug: msg: key=value
//	{"@level":"error","@message":"msg","@module":"plug","@timestamp":"2026-11-22T17:30:00.123456+01:00","key":"value"}
//
// unixNano is the wall clock in nanoseconds since 1970, offset as in Line;
// UTC is written as "Z". As with hclog, msg is written in text as it is: it must
// be of this program's making, with at most a name from the configuration or an
// address in it, while values may be anything.
func AppendLog(dst []byte, json bool, level Level, unixNano int64, offset int32, msg string, kv ...KV) []byte {
	if json {
		return appendJSON(dst, level, unixNano, offset, msg, kv)
	}
	return appendText(dst, level, unixNano, offset, msg, kv)
}

func appendText(dst []byte, level Level, unixNano int64, offset int32, msg string, kv []KV) []byte {
	seconds, nano := floorDiv(unixNano, 1e9)
	dst = civilOf(seconds, offset).append(dst, 'T')
	dst = append(dst, '.')
	dst = appendPadded(dst, nano/1e6, 3)
	dst = appendZone(dst, offset, "")
	dst = append(dst, ' ')
	dst = append(dst, levelNames[level].text...)
	dst = append(dst, ' ')
	dst = append(dst, Identity...)
	if msg != "" {
		dst = append(dst, ": "...)
		dst = append(dst, msg...)
	}
	if len(kv) > 0 {
		dst = append(dst, ':')
	}
	for i := range kv {
		dst = appendPair(dst, &kv[i])
	}
	return append(dst, '\n')
}

func appendPair(dst []byte, kv *KV) []byte {
	if !kv.IsNum && strings.IndexByte(kv.Str, '\n') >= 0 {
		return appendBlock(dst, kv)
	}
	dst = append(dst, ' ')
	dst = append(dst, kv.Key...)
	dst = append(dst, '=')
	switch {
	case kv.IsNum:
		return kv.appendNum(dst)
	case kv.Str == "":
		return append(dst, `""`...)
	case plain(kv.Str):
		return append(dst, kv.Str...)
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, kv.Str, true)
	return append(dst, '"')
}

// appendBlock sets a value of several lines off from the line's own text.
func appendBlock(dst []byte, kv *KV) []byte {
	dst = append(dst, "\n  "...)
	dst = append(dst, kv.Key...)
	dst = append(dst, "=\n"...)
	for rest := kv.Str; rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		dst = append(dst, "  | "...)
		dst = appendEscaped(dst, line, false)
		dst = append(dst, '\n')
		rest = after
	}
	return append(dst, "  "...)
}

// appendZone appends the offset from UTC as "Z" or "+01:00", with the given
// separator; seconds are dropped.
func appendZone(dst []byte, offset int32, separator string) []byte {
	if offset == 0 {
		return append(dst, 'Z')
	}
	sign, minutes := byte('+'), int64(offset)/60
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	dst = append(dst, sign)
	dst = appendPadded(dst, minutes/60, 2)
	dst = append(dst, separator...)
	return appendPadded(dst, minutes%60, 2)
}
