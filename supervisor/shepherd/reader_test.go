// Tests of the reader: its garbage, and its end.

package shepherd

import (
	"runtime"
	"testing"
	"time"
)

// A shepherd lives for years: what it reads must not add up before Go's first
// collection, at 4 MiB.
func TestEarMakesLittleGarbage(t *testing.T) {
	said, e := listening(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 1000
	for range n {
		if _, err := said.WriteString("ready 7 \n"); err != nil {
			t.Fatal(err)
		}
		<-e.there
		if len(e.take()) != 1 {
			t.Fatal("there was a word, and nothing to take")
		}
		e.take()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 400 {
		t.Errorf("a word leaves %d bytes, not 400 at most", each)
	} else {
		t.Logf("a word leaves %d bytes", each)
	}
}

// Once the last master has ended, and all its messages have been taken, the
// reader reports nothing more.
func TestEarEnds(t *testing.T) {
	said, e := listening(t)
	said.WriteString("ended 7 3\nhalf a l")
	said.Close()
	var words []message
	for !e.over.Load() {
		<-e.there
		words = append(words, e.take()...)
	}
	if len(words) != 1 || words[0] != (message{ended, 7, "3"}) {
		t.Errorf("heard %v", words)
	}
	// It may have been about to report once more, but not more often.
	told := 0
	for over := time.After(100 * time.Millisecond); ; {
		select {
		case <-e.there:
			if told++; told > 1 {
				t.Fatal("it tells on of the end")
			}
			continue
		case <-over:
		}
		return
	}
}
