// Tests of the server: limits, deadlines, admission and closing.

package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const patience = 10 * time.Second

// serving starts a server at a new socket.
func serving(t *testing.T, s *Server) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ctl")
	socket, err := Claim(path, -1)
	if err != nil {
		t.Fatal(err)
	}
	l, err := socket.Listener()
	if err != nil {
		t.Fatal(err)
	}
	if s.Answer == nil {
		s.Answer = func(req *Request, _ func(Reply) error) Reply { return Reply{Said: string(req.Verb)} }
	}
	s.Serve(l)
	t.Cleanup(func() {
		s.Close(0)
		socket.Remove()
	})
	return path
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// A line that is not a request is answered with the reason.
func TestServerBounds(t *testing.T) {
	path := serving(t, &Server{})
	tooLong := fmt.Sprintf("at most %d bytes", MaxRequest)
	full := `{"version":1,"verb":"status","target":"` // almost as long as a line may be
	full += strings.Repeat("x", MaxRequest-len(full)-3) + `"}`
	for name, c := range map[string]struct {
		send, said, reason string
		goesOn             bool
	}{
		"a request":             {`{"version":1,"verb":"status"}`, "status", "", true},
		"with unknown fields":   {`{"mood":7,"version":1,"verb":"status"}`, "status", "", true},
		"as long as may be":     {full, "status", "", true},
		"one byte longer":       {full + " ", "", tooLong, false},
		"far too long":          {strings.Repeat("x", 3*MaxRequest), "", tooLong, false},
		"garbage":               {"EHLO there", "", "not a JSON object", false},
		"an array":              {`[]`, "", "not a JSON object", false},
		"nothing":               {``, "", "not a JSON object", false},
		"no version":            {`{"verb":"status"}`, "", "protocol version 0; must be 1", true},
		"another version":       {`{"version":2,"verb":"status"}`, "", "version 2", true},
		"a string for a number": {`{"version":"1"}`, "", "not a JSON object", false},
	} {
		conn := dial(t, path)
		go conn.Write([]byte(c.send + "\n"))
		lines := bufio.NewReader(conn)
		line, err := readLine(lines, MaxReply)
		var r Reply
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		if err != nil || r.Said != c.said || !strings.Contains(r.Error, c.reason) || (r.Error == "") != (c.reason == "") || r.Done != (c.reason == "") || r.Version != Version {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		conn.Write([]byte(`{"version":1,"verb":"again"}` + "\n"))
		if line, err = readLine(lines, MaxReply); (err == nil) != c.goesOn {
			t.Errorf("%s: the conversation goes on: %q, %v", name, line, err)
		}
	}
}

// Requests of one conversation are answered one after another.
func TestServerPipeline(t *testing.T) {
	path := serving(t, &Server{Answer: func(req *Request, more func(Reply) error) Reply {
		more(Reply{Said: req.Target})
		return Reply{Said: req.Target + "."}
	}})
	conn := dial(t, path)
	text := ""
	for i := range 50 {
		text += fmt.Sprintf(`{"version":1,"verb":"x","target":"%d"}`+"\n", i)
	}
	conn.Write([]byte(text))
	lines := bufio.NewReader(conn)
	for i := range 50 {
		for _, end := range []string{"", "."} {
			line, err := readLine(lines, MaxReply)
			var r Reply
			if err != nil || json.Unmarshal(line, &r) != nil || r.Said != fmt.Sprint(i)+end || r.Done != (end != "") {
				t.Fatalf("request %d: %q, %v", i, line, err)
			}
		}
	}
}

// A client that sends nothing, and one that reads nothing, are disconnected.
func TestServerDeadlines(t *testing.T) {
	failed := make(chan error, 1)
	big := strings.Repeat("x", 60<<10)
	path := serving(t, &Server{Silence: 50 * time.Millisecond, Patience: 50 * time.Millisecond,
		Answer: func(_ *Request, more func(Reply) error) Reply {
			for {
				if err := more(Reply{Said: big}); err != nil {
					failed <- err
					return Reply{}
				}
			}
		}})
	silent := dial(t, path)
	if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a silent client: %v", err)
	}
	deaf := dial(t, path)
	deaf.Write([]byte(`{"version":1,"verb":"status"}` + "\n"))
	select {
	case err := <-failed:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a client that reads nothing: %v", err)
		}
	case <-time.After(patience):
		t.Error("a client that reads nothing is waited for")
	}
}

func TestServerAdmits(t *testing.T) {
	var seen atomic.Uint32
	path := serving(t, &Server{Admit: func(p Peer) error {
		seen.Store(p.UID + 1)
		return fmt.Errorf("user %d may not", p.UID)
	}})
	reply, err := ask(path)
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(reply.Error, "may not") {
		t.Errorf("%+v, %v", reply, err)
	}
	if seen.Load() != uint32(os.Geteuid())+1 {
		t.Errorf("the peer was user %d", seen.Load()-1)
	}
}

func ask(path string) (Reply, error) {
	c, err := Dial(path, patience)
	if err != nil {
		return Reply{}, err
	}
	defer c.Close()
	return c.Ask(Request{Verb: GetStatus})
}

// One client too many gets an error, and the others are served.
func TestServerFull(t *testing.T) {
	path := serving(t, &Server{})
	var all []net.Conn
	for range MaxClients {
		all = append(all, dial(t, path))
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C { // they are accepted one after another
		reply, _ := ask(path)
		if strings.Contains(reply.Error, "128 clients") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("one too many: %+v", reply)
		}
	}
	all[7].Write([]byte(`{"version":1,"verb":"status"}` + "\n"))
	if line, err := readLine(bufio.NewReader(all[7]), MaxReply); err != nil {
		t.Errorf("one of them: %q, %v", line, err)
	}
}

// Close waits for answers in progress and accepts no more clients; a client
// that is already connected gets the answer of Answer.
func TestServerClose(t *testing.T) {
	begun, goOn := make(chan bool, 1), make(chan bool)
	var over atomic.Bool
	s := &Server{Answer: func(req *Request, _ func(Reply) error) Reply {
		if req.Verb == "slow" {
			begun <- true
			<-goOn
		}
		if over.Load() {
			return Reply{Error: "over", Again: true}
		}
		return Reply{Said: "done"}
	}}
	path := serving(t, s)
	slow, idle := dial(t, path), dial(t, path)
	answers := bufio.NewReader(idle)
	idle.Write([]byte(`{"version":1,"verb":"status"}` + "\n")) // otherwise it might still be in the queue
	if line, err := readLine(answers, MaxReply); err != nil {
		t.Fatalf("an idle client: %q, %v", line, err)
	}
	slow.Write([]byte(`{"version":1,"verb":"slow"}` + "\n"))
	<-begun
	over.Store(true)
	var closed sync.WaitGroup
	s.Deafen()
	closed.Go(func() { s.Close(patience) })
	idle.Write([]byte(`{"version":1,"verb":"status"}` + "\n"))
	if line, err := readLine(answers, MaxReply); err != nil || !strings.Contains(string(line), `"again":true`) {
		t.Errorf("an idle client that asks late: %q, %v", line, err)
	}
	goOn <- true
	if line, err := readLine(bufio.NewReader(slow), MaxReply); err != nil {
		t.Errorf("a client that was being answered: %q, %v", line, err)
	}
	closed.Wait()
	late := dial(t, path) // the socket still listens, for another process
	late.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	late.Write([]byte(`{"version":1,"verb":"status"}` + "\n"))
	if _, err := late.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a closed server: %v", err)
	}
}
