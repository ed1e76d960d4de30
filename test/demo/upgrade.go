// The step that upgrades under load.

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	upgrades    = 5
	loadClients = 4
)

// load is clients that come and go while the plug is upgraded.
type load struct {
	stop     atomic.Bool
	sessions atomic.Int64
	slowest  atomic.Int64 // ns from the dial to the greeting
	mu       sync.Mutex
	failed   []error
	clients  sync.WaitGroup
}

// run connects, echoes and closes, one session after another.
func (l *load) run(d *demo) {
	for n := 0; !l.stop.Load(); n++ {
		begun := time.Now()
		c, err := connect(d.listen, d.target)
		if err == nil {
			if took := int64(time.Since(begun)); took > l.slowest.Load() {
				l.slowest.Store(took)
			}
			l.sessions.Add(1)
			err = c.echo(fmt.Sprint("session ", n))
			c.conn.Close()
		}
		if err != nil {
			l.mu.Lock()
			l.failed = append(l.failed, err)
			l.mu.Unlock()
		}
	}
}

// upgradeUnderLoad replaces the binary and the master five times, while two
// sessions are held and others come and go, and counts failures.
func upgradeUnderLoad(d *demo) error {
	held := d.clients[3:]
	l := &load{}
	for range loadClients {
		l.clients.Go(func() { l.run(d) })
	}
	defer l.clients.Wait()
	defer l.stop.Store(true)
	fmt.Printf("   pidfile before: %v\n", d.pids()[:1])
	for range upgrades {
		before := d.pids()[0]
		if err := install(d.plug, d.plug+".new"); err != nil {
			return err
		}
		if err := os.Rename(d.plug+".new", d.plug); err != nil {
			return err
		}
		if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
			return err
		}
		if !d.eventually(func() bool { pids := d.pids(); return len(pids) > 0 && pids[0] != before && !running(before) }) {
			return fmt.Errorf("2 s after USR2 the master is %v, it was %d", d.pids(), before)
		}
		now := d.pids()[0]
		fmt.Printf("   $ cp new plug && kill -USR2 %-7d the master is %d\n", before, now)
		for _, c := range held {
			if err := c.echo("through the upgrade"); err != nil {
				return fmt.Errorf("the session of %d: %w", c.pid, err)
			}
		}
	}
	l.stop.Store(true)
	l.clients.Wait()
	d.master = d.pids()[0]
	d.loaded = int(l.sessions.Load())
	if err := claim(len(l.failed) == 0, "of %d sessions that came meanwhile none was refused, reset or wrong; the slowest waited %d ms%s",
		d.loaded, l.slowest.Load()/int64(time.Millisecond), firstOf(l.failed)); err != nil {
		return err
	}
	for _, c := range held {
		if !strings.HasSuffix(title(c.pid), c.addr()+" > "+d.target.addr) {
			return fmt.Errorf("process %d is %q", c.pid, title(c.pid))
		}
	}
	if err := claim(d.eventually(func() bool { return d.listed(held) }), "the 2 sessions that were held still echo, in their first processes, and the pidfile lists them: %v", d.pids()); err != nil {
		return err
	}
	want := d.loaded + len(d.clients) - len(held)
	return claim(d.eventually(func() bool { return len(d.lines()) == want }), "every ended session has its line, %d of %d", len(d.lines()), want)
}

func firstOf(errs []error) string {
	if len(errs) == 0 {
		return ""
	}
	return fmt.Sprintf(": %d failed, the first one: %v", len(errs), errs[0])
}
