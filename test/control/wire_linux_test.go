// Tests of control clients that misbehave, are many, or have no permission.

package control

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Whatever a client does, others are served, and it gets an error or is
// disconnected.
func TestControlHostile(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	held := harness.Hold(t, p, 20)
	served := func(when string) {
		t.Helper()
		began := time.Now()
		if s := p.Asks("status", nil).Status; s.PID != p.Master || s.Sessions != 20 {
			t.Errorf("%s: %+v", when, s)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: answered after %v", when, took)
		}
		harness.MustPing(t, held[0])
	}
	sendsWrong(t, p, served)
	long, err := harness.OpenTalk(p.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer long.Close()
	if n, err := long.Write(bytes.Repeat([]byte{'x'}, 10<<20)); err == nil || n == 10<<20 {
		t.Errorf("10 MiB without a newline: %d bytes were taken", n)
	}
	served("10 MiB without a newline")
	takesAllRoom(t, p, served)
	harness.Await(t, "room again", harness.NormalWait, func() bool {
		r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "status"})
		return err == nil && r.Error == ""
	})
	served("the end")
}

// sendsWrong sends requests that are none.
func sendsWrong(t *testing.T, p *harness.Plug, served func(when string)) {
	t.Helper()
	for name, line := range map[string]string{
		"garbage": "GET / HTTP/1.0\r\n\r\n", "an array": "[1,2]\n", "bytes": "\x00\xff\x01\n", "nothing": "\n",
		"a number for the verb": `{"version":1,"verb":7}` + "\n", "an unknown verb": `{"version":1,"verb":"dance"}` + "\n",
		"another version": `{"version":9,"verb":"status"}` + "\n", "a list for the filter": `{"version":1,"verb":"kill","filter":[]}` + "\n",
		"half a request": `{"version":1,"verb":`,
	} {
		c, err := harness.OpenTalk(p.Ctl())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(line))
		if name != "half a request" {
			if r, err := c.Hear(); err != nil || r.Error == "" || r.Done {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		served(name)
		c.Close()
	}
}

// takesAllRoom opens as many connections as there is room for, and closes them.
func takesAllRoom(t *testing.T, p *harness.Plug, served func(when string)) {
	t.Helper()
	// Some that ask and never read, some that never ask.
	var idle []*harness.Talk
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for i := range 100 {
		c, err := harness.OpenTalk(p.Ctl())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
		if i%2 == 0 {
			for range 2000 {
				c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
				if c.Say(harness.Fields{"verb": "sessions"}) != nil {
					break
				}
			}
		}
	}
	served("100 that are silent or never read")
	// A client that has just left may still be counted, so that another one is
	// refused: connect one more each time, until there is no room.
	harness.Await(t, "a client too many", harness.NormalWait, func() bool {
		for more := true; more; more = len(idle) < 128 {
			c, err := harness.OpenTalk(p.Ctl())
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, c)
		}
		r, err := harness.Ask(p.Ctl(), harness.Fields{"verb": "status"})
		return err == nil && strings.Contains(r.Error, "128 clients")
	})
}

// A hundred clients at once, each with many requests on one connection.
func TestControlMany(t *testing.T) {
	t.Parallel()
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := harness.Start(t, mode, harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
		harness.Hold(t, p, 10)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				c, err := harness.OpenTalk(p.Ctl())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for _, verb := range []string{"status", "sessions", "targets", "workers", "config", "metrics"} {
					if err := c.Say(harness.Fields{"verb": verb}); err != nil {
						t.Error(err)
					}
					for done := false; !done; {
						r, err := c.Hear()
						if err != nil || r.Error != "" {
							t.Errorf("%s: %+v, %v", verb, r, err)
							return
						}
						done = r.Done
					}
				}
			})
		}
		all.Wait()
	}, "prefork")
}

// A user who may open the socket must also be permitted to control the plug.
func TestControlOtherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to be another user")
	}
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	stat, err := os.Stat(p.Ctl())
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", stat.Mode(), err)
	}
	if _, err := askAs(65534, 65534, nil, p.Ctl()); !errors.Is(err, syscall.EACCES) {
		t.Errorf("another user: %v", err)
	}
	os.Chmod(p.Ctl(), 0o666) // a mistake of the admin
	if r, err := askAs(65534, 65534, nil, p.Ctl()); err != nil || !strings.Contains(r.Error, "user 65534 may not") || r.Status != nil {
		t.Errorf("another user: %+v, %v", r, err)
	}

	g := harness.Start(t, "prefork", harness.WithControl("--control-group", "4711", harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	if stat, err := os.Stat(g.Ctl()); err != nil || stat.Mode().Perm() != 0o660 || stat.Sys().(*syscall.Stat_t).Gid != 4711 {
		t.Errorf("%+v, %v", stat, err)
	}
	for name, c := range map[string]struct {
		gid    int
		groups []int
		in     bool
	}{
		"a member by its primary group": {4711, nil, true},
		"a member by another":           {65534, []int{9, 4711}, true},
		"no member":                     {65534, []int{9}, false},
	} {
		r, err := askAs(65534, c.gid, c.groups, g.Ctl())
		if in := err == nil && r.Status != nil; in != c.in {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// askAs requests the status as another user: in a thread of this process,
// since the kernel stores the credentials of the thread that connects
// (unix(7)).
func askAs(uid, gid int, groups []int, path string) (r harness.Reply, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		all := make([]uint32, len(groups)+1)
		for i, g := range groups {
			all[i] = uint32(g)
		}
		if err = harness.SetThread(all[:len(groups)], gid, uid); err != nil {
			return
		}
		var fd int
		if fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err != nil {
			return
		}
		if err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
			syscall.Close(fd)
			return
		}
		f := os.NewFile(uintptr(fd), "control")
		defer f.Close()
		f.Write([]byte(`{"version":1,"verb":"status"}` + "\n"))
		p := make([]byte, 64<<10)
		var n int
		if n, err = f.Read(p); err == nil {
			err = harness.Unmarshal(p[:n], &r)
		}
	}()
	<-done
	return r, err
}

// A stopped master answers when it is continued; its socket exists.
func TestControlStoppedMaster(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, "prefork", harness.WithControl(harness.Serve(t, harness.Anywhere, harness.Echo).Addr())...)
	harness.Hold(t, p, 2)
	harness.StopProcess(t, p.Master)
	defer syscall.Kill(p.Master, syscall.SIGCONT)
	c, err := harness.OpenTalk(p.Ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Say(harness.Fields{"verb": "status"})
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if r, err := c.Hear(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stopped master: %+v, %v", r, err)
	}
	syscall.Kill(p.Master, syscall.SIGCONT)
	c.SetReadDeadline(time.Now().Add(harness.TalkBound))
	if r, err := c.Hear(); err != nil || r.Status == nil || r.Status.Sessions != 2 {
		t.Errorf("a master that goes on: %+v, %v", r, err)
	}
}
