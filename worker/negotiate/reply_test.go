// Tests of Reply: good replies, refusals, hostile ones, and its cost.

package negotiate

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// replies are what honest and hostile proxies send, with the bytes after the
// headers and the error's text.
var replies = map[string]struct{ reply, rest, err string }{
	"plain":               {"HTTP/1.1 200 OK\r\n\r\n", "", ""},
	"HTTP/1.0":            {"HTTP/1.0 200 Connection established\r\n\r\n", "", ""},
	"any 2xx":             {"HTTP/1.1 299 Odd\r\n\r\n", "", ""},
	"headers":             {"HTTP/1.1 200 OK\r\nVia: 1.1 x\r\nContent-Length: 5\r\n\r\n", "", ""},
	"bare LF":             {"HTTP/1.1 200 OK\nVia: 1.1 x\n\n", "", ""},
	"mixed ends":          {"HTTP/1.1 200 OK\r\nA: b\n\r\n", "", ""},
	"one-letter header":   {"HTTP/1.1 200 OK\nA\nB: c\n\n", "", ""},
	"glued data":          {"HTTP/1.1 200 OK\r\n\r\n", "200 news\r\n\r\n", ""},
	"glued LF":            {"HTTP/1.1 200 OK\r\n\r\n", "\n", ""},
	"glued NUL":           {"HTTP/1.1 200 OK\n\n", "\x00", ""},
	"no reason":           {"HTTP/1.1 200 \r\n\r\n", "", ""},
	"no reason, no space": {"HTTP/1.1 200\r\n\r\n", "", ""},
	"no reason, LF":       {"HTTP/1.1 200\n\n", "", ""},
	"CR in a header":      {"HTTP/1.1 200 OK\r\nA: b\rc\r\r\n\r\r\n\r\n", "", ""},
	"CR in the reason":    {"HTTP/1.1 200 O\rK\r\r\n\r\n", "", ""},
	"interim":             {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\nLink: x\n\nHTTP/1.1 200 OK\r\n\r\n", "x", ""},
	"interim, refusal":    {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n", "", "502 Bad Gateway"},
	"switching":           {"HTTP/1.1 101 Switching Protocols\r\n", "", ErrUnasked.Error()},
	"longest status":      {"HTTP/1.1 200 " + strings.Repeat("x", MaxStatusLine-15) + "\r\n\r\n", "", ""},
	"longest header":      {"HTTP/1.1 200 OK\r\nA:" + strings.Repeat("x", MaxHeaderLine-4) + "\r\n\r\n", "", ""},
	"longest reply":       {"HTTP/1.1 200 OK\n" + strings.Repeat(strings.Repeat("x", 8187)+"\n", 4)[1:] + "\n", "", ""},

	"407":              {"HTTP/1.1 407 Proxy Authentication Required\r\n", "", "407 Proxy Authentication Required"},
	"403, LF":          {"HTTP/1.0 403 Forbidden\n", "", "403 Forbidden"},
	"refusal's body":   {"HTTP/1.1 403 Forbidden\r\n", "A: b\r\n\r\n<html>", "403 Forbidden"},
	"no reason at all": {"HTTP/1.1 503\r\n", "", "503"},
	"blank reason":     {"HTTP/1.1 503   \r\n", "", "503"},
	"redirect":         {"HTTP/1.1 302 Found\r\n", "", "302 Found"},
	"status 000":       {"HTTP/1.1 000 x\r\n", "", "000 x"},
	"status 999":       {"HTTP/1.1 999 x\r\n", "", "999 x"},
	"hostile reason":   {"HTTP/1.1 500 a\x1b[31m\tb\rc\xffd\r\r\n", "", "500 a?[31m b?c?d?"},
	"long reason":      {"HTTP/1.1 500 " + strings.Repeat("x", 1000) + "\r\n", "", "500 " + strings.Repeat("x", MaxReason)},

	"2000":                {"HTTP/1.1 2000", "", ErrStatusLine.Error()},
	"20":                  {"HTTP/1.1 20\r", "\n\r\n", ErrStatusLine.Error()},
	"20 and a space":      {"HTTP/1.1 20 ", "OK", ErrStatusLine.Error()},
	"no status":           {"HTTP/1.1\r", "\n", ErrStatusLine.Error()},
	"two spaces":          {"HTTP/1.1  ", "200 OK\r\n\r\n", ErrStatusLine.Error()},
	"tab":                 {"HTTP/1.1\t", "200 OK\r\n\r\n", ErrStatusLine.Error()},
	"CR for the space":    {"HTTP/1.1 200\rO", "K\r\n\r\n", ErrStatusLine.Error()},
	"HTTP/2":              {"HTTP/2", " 200\r\n\r\n", ErrStatusLine.Error()},
	"HTTP/1.2":            {"HTTP/1.2", " 200 OK\r\n\r\n", ErrStatusLine.Error()},
	"HTTP/0.9":            {"<", "html>", ErrStatusLine.Error()},
	"lower case":          {"h", "ttp/1.1 200 OK\r\n\r\n", ErrStatusLine.Error()},
	"empty line first":    {"\r", "\nHTTP/1.1 200 OK\r\n\r\n", ErrStatusLine.Error()},
	"SSH":                 {"S", "SH-2.0-x\r\n", ErrStatusLine.Error()},
	"NUL first":           {"\x00", "", ErrStatusLine.Error()},
	"NUL in a header":     {"HTTP/1.1 200 OK\r\nA: \x00", "b\r\n\r\n", ErrNUL.Error()},
	"NUL in the reason":   {"HTTP/1.1 200 O\x00", "K\r\n\r\n", ErrNUL.Error()},
	"long status":         {"HTTP/1.1 200 " + strings.Repeat("x", MaxStatusLine-12), "x\r\n\r\n", ErrLongStatus.Error()},
	"long status by one":  {"HTTP/1.1 200 " + strings.Repeat("x", MaxStatusLine-14) + "\r\n", "\r\n", ErrLongStatus.Error()},
	"long refusal":        {"HTTP/1.1 500 " + strings.Repeat("x", MaxStatusLine-12), "x", ErrLongStatus.Error()},
	"64 KiB header":       {"HTTP/1.1 200 OK\r\n" + strings.Repeat("x", MaxHeaderLine+1), strings.Repeat("x", 65536-MaxHeaderLine-1), ErrLongHeader.Error()},
	"long header by one":  {"HTTP/1.1 200 OK\r\nA:" + strings.Repeat("x", MaxHeaderLine-3) + "\r\n", "\r\n", ErrLongHeader.Error()},
	"endless headers":     {"HTTP/1.1 200 OK\n" + strings.Repeat("A: b\n", 6551)[2:], "\n", ErrLongReply.Error()},
	"endless interims":    {strings.Repeat("HTTP/1.1 100 A\n\n", 2048) + "H", "TTP/1.1 200 OK\n\n", ErrLongReply.Error()},
	"bad status's digits": {"HTTP/1.1 2x", "0 OK\r\n\r\n", ErrStatusLine.Error()},
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReplies(t *testing.T) {
	var r Reply
	for name, test := range replies {
		t.Run(name, func(t *testing.T) {
			r.Reset()
			all := test.reply + test.rest
			n, done, err := r.Feed([]byte(all))
			if n != len(test.reply) || done != (test.err == "") || text(err) != test.err {
				t.Errorf("took %d of %d, done %t, error %q; want %d, %q", n, len(all), done, text(err), len(test.reply), test.err)
			}
			again, done, err := r.Feed([]byte("more"))
			if again != 0 || done != (test.err == "") || text(err) != test.err {
				t.Errorf("fed again: took %d, done %t, error %q", again, done, text(err))
			}
		})
	}
}

// No reply is complete before its last byte.
func TestRepliesWait(t *testing.T) {
	for name, test := range replies {
		var r Reply
		if n, done, err := r.Feed([]byte(test.reply[:len(test.reply)-1])); n != len(test.reply)-1 || done || err != nil {
			t.Errorf("%s: took %d of %d, done %t, error %v", name, n, len(test.reply)-1, done, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for err, limit := range map[Error]int{ErrLongStatus: MaxStatusLine, ErrLongHeader: MaxHeaderLine, ErrLongReply: MaxReply} {
		if !strings.Contains(err.Error(), " "+strconv.Itoa(limit)+" bytes") {
			t.Errorf("%q doesn't say %d", err, limit)
		}
	}
	var r Reply
	_, _, err := r.Feed([]byte("HTTP/1.1 407 Who are you?\r\n"))
	var refusal *Refusal
	if !errors.As(err, &refusal) || *refusal != (Refusal{407, "Who are you?"}) {
		t.Errorf("%#v", err)
	}
}

func TestReplyIsCheap(t *testing.T) {
	if size := unsafe.Sizeof(Reply{}); size > 128 {
		t.Errorf("%d bytes", size)
	}
	var r Reply
	buffer := make([]byte, 0, 256)
	for name, reply := range map[string][]byte{
		"agreed":    []byte("HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\nx"),
		"malformed": []byte("HTTP/1.1 2000 OK\r\n\r\n"),
	} {
		if n := testing.AllocsPerRun(100, func() {
			r.Reset()
			AppendRequest(buffer, "10.0.3.15:119")
			for i := range reply {
				r.Feed(reply[i : i+1])
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
