// Tests of Over.

package metrics

import (
	"context"
	"errors"
	"testing"
	"time"

	"daemon/plug/supervisor/control"
)

// talk is a conversation with prepared replies.
type talk struct {
	replies []control.Reply
	err     error
	hang    chan struct{} // nil: it does not hang
	closed  chan struct{}
}

func (c *talk) Do(_ control.Request, each func(control.Reply)) error {
	for _, r := range c.replies {
		each(r)
	}
	if c.hang != nil {
		<-c.hang
	}
	return c.err
}

func (c *talk) Close() { close(c.closed) }

func TestOver(t *testing.T) {
	bad := errors.New("bad")
	session := []control.Session{{}}
	for name, c := range map[string]struct {
		dial error
		talk talk
		take error
		want error
		n    int
	}{
		"all":         {talk: talk{replies: []control.Reply{{Sessions: session}, {Sessions: session}, {Done: true}}}, n: 3},
		"no dial":     {dial: bad, want: bad},
		"broken":      {talk: talk{replies: []control.Reply{{}}, err: bad}, want: bad, n: 1},
		"enough":      {talk: talk{replies: []control.Reply{{}, {}, {}}}, take: errEnough, want: errEnough, n: 1},
		"hangs":       {talk: talk{replies: []control.Reply{{}}, hang: make(chan struct{})}, want: context.DeadlineExceeded, n: 1},
		"hangs early": {talk: talk{hang: make(chan struct{})}, want: context.DeadlineExceeded},
	} {
		ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		c.talk.closed = make(chan struct{})
		n := 0
		err := Over(func() (Conversation, error) { return &c.talk, c.dial })(ctx, control.Request{}, func(*control.Reply) error {
			n++
			return c.take
		})
		if !errors.Is(err, c.want) || n != c.n {
			t.Errorf("%s: %v, %d replies; want %v, %d", name, err, n, c.want, c.n)
		}
		if c.talk.hang != nil {
			close(c.talk.hang)
		}
		if c.dial == nil {
			select {
			case <-c.talk.closed:
			case <-time.After(10 * time.Second):
				t.Errorf("%s: never closed", name)
			}
		}
		stop()
	}
}
