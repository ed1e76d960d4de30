// Tests of the HTTP server and of the command's flags.

package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"daemon/plug/worker/await"
)

// The command serves until its context ends, and prints its address.
func TestCommandServes(t *testing.T) {
	f := busy()
	c := Command(func() (*Setup, error) { return &Setup{Plugs: f.plugs(), Timeout: time.Second}, nil })
	out := &lockedBuffer{}
	c.SetOut(out)
	c.SetErr(out)
	c.SetArgs([]string{"--listen", "127.0.0.1:0"})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()
	url := ""
	if !await.Happens(await.Patience, func() bool {
		url = regexp.MustCompile(`http://\S+/`).FindString(out.String())
		return url != ""
	}) {
		t.Fatalf("not served: %q", out.String())
	}
	r, err := http.Get(url + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if !strings.Contains(string(body), `plug_up{plug="80"} 1`) {
		t.Errorf("%s", body)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still serving 10 s after the end")
	}
}

func TestCommandRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct{ args, want string }{
		{"--listen " + taken.Addr().String(), `cannot listen on ` + taken.Addr().String() + `: address already in use`},
		{"--listen nowhere", `--listen "nowhere": must be ADDR:PORT`},
		{"--listen=", `--listen "": must be ADDR:PORT`},
		{"--listen localhost:7584", `--listen "localhost:7584": must be ADDR:PORT with an IP address`},
		{"--listen 127.0.0.1", "must be"},
		{"--listen 127.0.0.1:http", "must be"},
		{"--listen 127.0.0.1:65536", "must be"},
		{"--listen 127.0.0.1:+80", "must be"},
		{"--listen 300.0.0.1:80", "must be"},
		{"--listen ::1:80", "must be"},
		{"--once --unit", "cannot be combined"},
		{"extra", `unknown command "extra"`},
	} {
		f := busy()
		cmd := Command(func() (*Setup, error) { return &Setup{Plugs: f.plugs(), Timeout: time.Second}, nil })
		cmd.SetArgs(strings.Fields(c.args))
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.args, err, c.want)
		}
	}
	bad := errors.New("-s: no such socket")
	cmd := Command(func() (*Setup, error) { return nil, bad })
	cmd.SetArgs(nil)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	if err := cmd.Execute(); !errors.Is(err, bad) {
		t.Errorf("error %v, want %v", err, bad)
	}
}

// At its limit, the listener accepts a connection only when another one ends.
func TestListenerIsBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	const bound = 3
	l := bounded(inner, bound)
	accepted := make(chan net.Conn, 2*bound)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	for range 2 * bound {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	var first net.Conn
	for range bound {
		first = <-accepted
	}
	select {
	case <-accepted:
		t.Fatalf("more than %d at a time", bound)
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // a second close releases nothing
	<-accepted
	select {
	case <-accepted:
		t.Fatal("one has left, two were accepted")
	case <-time.After(50 * time.Millisecond):
	}
}

// lockedBuffer is used by two goroutines. The buffer is a field, since
// io.WriteString would call an embedded buffer's own method, without the lock.
type lockedBuffer struct {
	sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.text.String()
}

// once runs the command with --once, and returns what it prints.
func once(t *testing.T, s *Setup, args ...string) string {
	t.Helper()
	cmd := Command(func() (*Setup, error) { return s, nil })
	out := &bytes.Buffer{}
	cmd.SetOut(out)
	cmd.SetArgs(append(args, "--once"))
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// --once prints what a scrape would get, even if a plug does not answer.
func TestOnce(t *testing.T) {
	f, away := busy(), busy()
	away.leave("gone")
	plugs := append(f.plugs(), &Plug{Place: "/run/b.ctl", Ask: away.ask})
	text := once(t, &Setup{Plugs: plugs, Timeout: time.Second})
	for _, want := range []string{"# TYPE plug_up gauge\nplug_up{plug=\"/run/b.ctl\"} 0\nplug_up{plug=\"80\"} 1\n", "plug_sessions{plug=\"80\"} 3\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	text = once(t, &Setup{Plugs: plugs, Timeout: time.Second, JSON: true})
	var got struct {
		Done  bool
		Plugs []struct {
			Plug, Error string
			Up          bool
			Metrics     struct{ Sessions int }
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Done || len(got.Plugs) != 2 || got.Plugs[0].Plug != "80" || !got.Plugs[0].Up ||
		got.Plugs[0].Metrics.Sessions != 3 || got.Plugs[1].Plug != "/run/b.ctl" || got.Plugs[1].Up || got.Plugs[1].Error != "gone" {
		t.Errorf("%+v, %v: %s", got, err, text)
	}
}
