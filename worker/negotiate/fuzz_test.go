// Fuzz and property tests of Reply: in any pieces it does what a simple model
// does.

package negotiate

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

var statusLine = regexp.MustCompile(`^HTTP/1\.[01] ([0-9]{3})(?: ([^\x00]*))?$`)

// model reads a whole reply line by line, as simply as possible. It returns
// the reply's length, or false if the reply is not a good one for any reason.
func model(all string) (length int, good bool) {
	head := true
	interim := false
	for {
		line, rest, ended := strings.Cut(all[length:], "\n")
		if !ended || length+len(line)+1 > MaxReply || strings.Contains(line, "\x00") {
			return 0, false
		}
		limit := MaxHeaderLine
		if head {
			limit = MaxStatusLine
		}
		if len(line)+1 > limit {
			return 0, false
		}
		length = len(all) - len(rest)
		line = strings.TrimSuffix(line, "\r")
		switch {
		case head:
			found := statusLine.FindStringSubmatch(line)
			if found == nil || found[1] == "101" || found[1][0] != '1' && found[1][0] != '2' {
				return 0, false
			}
			head, interim = false, found[1][0] == '1'
		case line == "" && !interim:
			return length, true
		case line == "":
			head = true
		}
	}
}

// judge reports whether a Reply that gets these pieces does the same as one
// that gets the whole, and whether both do what the model does.
func judge(t *testing.T, all string, cuts []int) {
	t.Helper()
	var whole, pieces Reply
	n, done, err := whole.Feed([]byte(all))
	if n < 0 || n > len(all) || n > MaxReply+1 || done && err != nil || !done && err == nil && n != len(all) {
		t.Fatalf("%q: took %d, done %t, error %v", all, n, done, err)
	}
	if length, good := model(all); good != done || good && length != n {
		t.Fatalf("%q: took %d, done %t, error %v; the model: %d, %t", all, n, done, err, length, good)
	}
	for _, c := range []byte(text(err)) {
		if c < ' ' || c > '~' {
			t.Fatalf("%q: unsafe in a log: %q", all, err)
		}
	}
	if len(text(err)) > len("407 ")+MaxReason {
		t.Fatalf("%q: too much for a log: %q", all, err)
	}

	sum, from := 0, 0
	var doneNow bool
	var errNow error
	for _, to := range append(cuts, len(all)) {
		var took int
		took, doneNow, errNow = pieces.Feed([]byte(all[from:to]))
		sum += took
		from = to
	}
	if sum != n || doneNow != done || text(errNow) != text(err) {
		t.Fatalf("%q cut at %d: took %d, done %t, error %v; whole: %d, %t, %v", all, cuts, sum, doneNow, errNow, n, done, err)
	}
}

func TestPiecesMakeNoDifference(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, test := range replies {
		all := test.reply + test.rest
		var each []int
		for i := range all {
			each = append(each, i)
		}
		judge(t, all, each)
		for range 20 {
			judge(t, all, cutAt(all, random.Uint64()))
		}
		if len(all) < 200 {
			for i := range all {
				judge(t, all, []int{i})
				judge(t, all[:i], nil)
			}
		}
	}
}

// cutAt returns some positions to cut at, in ascending order.
func cutAt(all string, seed uint64) (cuts []int) {
	random := rand.New(rand.NewPCG(seed, 0))
	for at := 0; ; {
		at += random.IntN(1 + random.IntN(1+min(len(all), 3000)))
		if at > len(all) || len(cuts) > 100 {
			return cuts
		}
		cuts = append(cuts, at)
	}
}

func FuzzReply(f *testing.F) {
	for _, test := range replies {
		f.Add([]byte(test.reply+test.rest), uint64(1))
	}
	f.Fuzz(func(t *testing.T, all []byte, seed uint64) {
		judge(t, string(all), cutAt(string(all), seed))
	})
}
