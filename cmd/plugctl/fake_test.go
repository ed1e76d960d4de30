// A fake master for the tests, and running plugctl inside a test.

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"daemon/plug/supervisor/control"
)

// fake is a control socket with prepared replies: Server.Answer returns the
// last one, after the others have been sent.
type fake struct {
	path    string
	mu      sync.Mutex
	replies map[control.Verb][]control.Reply
	asked   []control.Request
}

func fakeMaster(t *testing.T, replies map[control.Verb][]control.Reply) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "plugctl-") // a socket's path must be short, and t.TempDir's may not be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &fake{path: filepath.Join(dir, "ctl"), replies: replies}
	socket, err := control.Claim(f.path, -1)
	if err != nil {
		t.Fatal(err)
	}
	l, err := socket.Listener()
	if err != nil {
		t.Fatal(err)
	}
	s := &control.Server{Answer: f.answer}
	s.Serve(l)
	t.Cleanup(func() { s.Close(time.Second) })
	return f
}

func (f *fake) answer(req *control.Request, more func(control.Reply) error) control.Reply {
	f.mu.Lock()
	f.asked = append(f.asked, *req)
	all := f.replies[req.Verb]
	f.mu.Unlock()
	if all == nil {
		return control.Reply{Error: "the table has no " + string(req.Verb)}
	}
	for _, r := range all[:len(all)-1] {
		more(r)
	}
	return all[len(all)-1]
}

// last is the most recent request.
func (f *fake) last() control.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		return control.Request{}
	}
	return f.asked[len(f.asked)-1]
}

// noon is the time of the tests.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)

// plugctl runs a command line and returns what it printed.
func plugctl(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := &ctl{stdout: &out, stderr: &errs, now: func() time.Time { return noon }}
	status = c.run(args)
	return status, out.String(), errs.String()
}
