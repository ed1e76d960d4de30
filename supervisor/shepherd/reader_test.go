// Tests of the reader: its garbage, and its end.

package shepherd

import (
	"runtime"
	"testing"
	"time"
)

// A shepherd lives for years: what it reads must not add up before Go's first
// collection, at 4 MiB.
func TestReaderMakesLittleGarbage(t *testing.T) {
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
			t.Fatal("there was a message, and nothing to take")
		}
		e.take()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 400 {
		t.Errorf("a message leaves %d bytes, not 400 at most", each)
	} else {
		t.Logf("a message leaves %d bytes", each)
	}
}

// Once the last master has ended, and all its messages have been taken, the
// reader reports nothing more.
func TestReaderEnds(t *testing.T) {
	said, e := listening(t)
	said.WriteString("ended 7 3\nhalf a l")
	said.Close()
	var messages []message
	for !e.over.Load() {
		<-e.there
		messages = append(messages, e.take()...)
	}
	if len(messages) != 1 || messages[0] != (message{ended, 7, "3"}) {
		t.Errorf("read %v", messages)
	}
	// It may have been about to report once more, but not more often.
	reports := 0
	for over := time.After(100 * time.Millisecond); ; {
		select {
		case <-e.there:
			if reports++; reports > 1 {
				t.Fatal("it reports the end again")
			}
			continue
		case <-over:
		}
		return
	}
}
