// Tests of control clients that misbehave, are many, or have no permission.

package test

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
)

// Whatever a client does, others are served, and it gets an error or is
// disconnected.
func TestControlHostile(t *testing.T) {
	t.Parallel()
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	held := hold(t, p, 20)
	served := func(when string) {
		t.Helper()
		began := time.Now()
		if s := p.asks("status", nil).Status; s.PID != p.master || s.Sessions != 20 {
			t.Errorf("%s: %+v", when, s)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: answered after %v", when, took)
		}
		mustPing(t, held[0])
	}
	for name, line := range map[string]string{
		"garbage": "GET / HTTP/1.0\r\n\r\n", "an array": "[1,2]\n", "bytes": "\x00\xff\x01\n", "nothing": "\n",
		"a number for the verb": `{"version":1,"verb":7}` + "\n", "an unknown verb": `{"version":1,"verb":"dance"}` + "\n",
		"another version": `{"version":9,"verb":"status"}` + "\n", "a list for the filter": `{"version":1,"verb":"kill","filter":[]}` + "\n",
		"half a request": `{"version":1,"verb":`,
	} {
		c, err := openTalk(p.ctl())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(line))
		if name != "half a request" {
			if r, err := c.hear(); err != nil || r.Error == "" || r.Done {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		served(name)
		c.Close()
	}
	long, err := openTalk(p.ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer long.Close()
	if n, err := long.Write(bytes.Repeat([]byte{'x'}, 10<<20)); err == nil || n == 10<<20 {
		t.Errorf("10 MiB without a newline: %d bytes were taken", n)
	}
	served("10 MiB without a newline")
	// Some that ask and never read, some that never ask: as many as there is
	// room for.
	var idle []*talk
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for i := range 100 {
		c, err := openTalk(p.ctl())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
		if i%2 == 0 {
			for range 2000 {
				c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
				if c.say(fields{"verb": "sessions"}) != nil {
					break
				}
			}
		}
	}
	served("100 that are silent or never read")
	// A client that has just left may still be counted, so that another one is
	// refused: connect one more each time, until there is no room.
	await(t, "a client too many", normalWait, func() bool {
		for more := true; more; more = len(idle) < 128 {
			c, err := openTalk(p.ctl())
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, c)
		}
		r, err := ask(p.ctl(), fields{"verb": "status"})
		return err == nil && strings.Contains(r.Error, "128 clients")
	})
	for _, c := range idle {
		c.Close()
	}
	await(t, "room again", normalWait, func() bool {
		r, err := ask(p.ctl(), fields{"verb": "status"})
		return err == nil && r.Error == ""
	})
	served("the end")
}

// A hundred clients at once, each with many requests on one connection.
func TestControlMany(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode string) {
		t.Parallel()
		p := start(t, mode, withControl(serve(t, anywhere, echo).addr())...)
		hold(t, p, 10)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				c, err := openTalk(p.ctl())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for _, verb := range []string{"status", "sessions", "targets", "workers", "config", "metrics"} {
					if err := c.say(fields{"verb": verb}); err != nil {
						t.Error(err)
					}
					for done := false; !done; {
						r, err := c.hear()
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
	if os.Geteuid() != 0 {
		t.Skip("needs root to be another user")
	}
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	stat, err := os.Stat(p.ctl())
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", stat.Mode(), err)
	}
	if _, err := askAs(65534, 65534, nil, p.ctl()); !errors.Is(err, syscall.EACCES) {
		t.Errorf("another user: %v", err)
	}
	os.Chmod(p.ctl(), 0o666) // a mistake of the admin
	if r, err := askAs(65534, 65534, nil, p.ctl()); err != nil || !strings.Contains(r.Error, "user 65534 may not") || r.Status != nil {
		t.Errorf("another user: %+v, %v", r, err)
	}

	g := start(t, "prefork", withControl("--control-group", "4711", serve(t, anywhere, echo).addr())...)
	if stat, err := os.Stat(g.ctl()); err != nil || stat.Mode().Perm() != 0o660 || stat.Sys().(*syscall.Stat_t).Gid != 4711 {
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
		r, err := askAs(65534, c.gid, c.groups, g.ctl())
		if in := err == nil && r.Status != nil; in != c.in {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// askAs requests the status as another user: in a thread of this process,
// since the kernel stores the credentials of the thread that connects
// (unix(7)).
func askAs(uid, gid int, groups []int, path string) (r ctlReply, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		all := make([]uint32, len(groups)+1)
		for i, g := range groups {
			all[i] = uint32(g)
		}
		if err = setThread(all[:len(groups)], gid, uid); err != nil {
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
			err = unmarshal(p[:n], &r)
		}
	}()
	<-done
	return r, err
}

// A stopped master answers when it is continued; its socket exists.
func TestControlStoppedMaster(t *testing.T) {
	p := start(t, "prefork", withControl(serve(t, anywhere, echo).addr())...)
	hold(t, p, 2)
	stopProcess(t, p.master)
	defer syscall.Kill(p.master, syscall.SIGCONT)
	c, err := openTalk(p.ctl())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.say(fields{"verb": "status"})
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if r, err := c.hear(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stopped master: %+v, %v", r, err)
	}
	syscall.Kill(p.master, syscall.SIGCONT)
	c.SetReadDeadline(time.Now().Add(talkBound))
	if r, err := c.hear(); err != nil || r.Status == nil || r.Status.Sessions != 2 {
		t.Errorf("a master that goes on: %+v, %v", r, err)
	}
}
