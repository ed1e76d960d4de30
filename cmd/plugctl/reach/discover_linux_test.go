// Tests of finding plugs.

package reach

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/supervisor/control"
)

// listens makes a control socket for a plug with this label, until the test
// ends.
func listens(t *testing.T, path, label string) {
	t.Helper()
	answers(t, path, func(func(control.Reply) error) control.Reply {
		return control.Reply{Status: &control.Status{Label: label}}
	})
}

// answers makes a control socket that answers every request, until the test ends.
func answers(t *testing.T, path string, answer func(more func(control.Reply) error) control.Reply) {
	t.Helper()
	socket, err := control.Claim(path, -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Remove() })
	l, err := socket.Listener()
	if err != nil {
		t.Fatal(err)
	}
	s := &control.Server{Answer: func(_ *control.Request, more func(control.Reply) error) control.Reply { return answer(more) }}
	s.Serve(l)
	t.Cleanup(func() { s.Close(time.Second) })
}

// Discover finds control sockets in the user's directory and anywhere else
// that the kernel shows; it ignores dead ones and other programs' sockets.
func TestDiscover(t *testing.T) {
	dir := shortDir(t)
	user := filepath.Join(dir, "plug")
	if err := os.Mkdir(user, 0o700); err != nil {
		t.Fatal(err)
	}
	listens(t, filepath.Join(user, "119.ctl"), "119")
	listens(t, filepath.Join(dir, "elsewhere"), "80")
	dead, err := control.Claim(filepath.Join(user, "22.ctl"), -1)
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	o := &Options{Timeout: time.Second}
	labels := map[string]string{}
	for _, p := range o.Discover() {
		if strings.HasPrefix(p.Control, dir) && p.Err == nil {
			labels[strings.TrimPrefix(p.Control, dir)] = p.Status.Label
		}
	}
	if len(labels) != 2 || labels["/plug/119.ctl"] != "119" || labels["/elsewhere"] != "80" {
		t.Errorf("%v", labels)
	}
	_, err = o.Dial()
	var several *Several
	if !errors.As(err, &several) || !strings.Contains(err.Error(), "plugs are running; choose one: -s /") {
		t.Errorf("which one of several: %v", err)
	}
	if err := o.Check(); !errors.As(err, &several) {
		t.Errorf("%v", err)
	}
}

// A socket with an endless answer, which another user could make, does not
// keep plugctl from the others.
func TestDiscoverEndlessAnswer(t *testing.T) {
	dir := shortDir(t)
	answers(t, filepath.Join(dir, "endless"), func(more func(control.Reply) error) control.Reply {
		var gone error
		for gone == nil {
			gone = more(control.Reply{Progress: &control.Progress{Phase: "draining"}})
		}
		return control.Reply{}
	})
	listens(t, filepath.Join(dir, "good"), "80")
	found := make(chan []Plug, 1)
	go func() { found <- (&Options{Timeout: time.Second}).Discover() }()
	select {
	case plugs := <-found:
		for _, p := range plugs {
			switch p.Control {
			case filepath.Join(dir, "endless"):
				if p.Err == nil || !strings.Contains(p.Err.Error(), "no complete answer within 2s") {
					t.Errorf("the endless one: %v", p.Err)
				}
			case filepath.Join(dir, "good"):
				if p.Err != nil || p.Status.Label != "80" {
					t.Errorf("the good one: %+v, %v", p.Status, p.Err)
				}
			}
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the end of that answer")
	}
}

func TestRunDirs(t *testing.T) {
	for _, c := range []struct {
		goos, user string
		euid       int
		want       []string
	}{
		{"linux", "/run/user/7", 7, []string{"/run/plug", "/run/user/7/plug"}},
		{"linux", "", 7, []string{"/run/plug"}},
		{"linux", "x", 7, []string{"/run/plug"}},
		{"freebsd", "/x", 7, []string{"/var/run/plug", "/x/plug"}},
	} {
		if got := runDirs(c.goos, c.euid, c.user); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
