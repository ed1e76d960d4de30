// The steps of the demo.

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// startDaemon starts plug like a shell and expects it to serve when the
// command returns.
func startDaemon(d *demo) (err error) {
	if d.listen, err = freeAddress(); err != nil {
		return err
	}
	begun := time.Now()
	if err := d.shell(fmt.Sprintf("$DIR/plug --control $DIR/ctl -P $DIR/pid -S $DIR/sessions %s %s", d.listen, d.target.addr)); err != nil {
		return err
	}
	took := time.Since(begun)
	pids := d.pids()
	if err := claim(len(pids) == 1, "the command returned 0 after %d ms, and the pidfile has one line: %v", took.Milliseconds(), pids); err != nil {
		return err
	}
	d.master = pids[0]
	titled := d.eventually(func() bool { return strings.HasPrefix(title(d.master), "plug: master") })
	if err := claim(titled, "ps shows %d as %q", d.master, title(d.master)); err != nil {
		return err
	}
	probe, err := net.Listen("tcp4", d.listen)
	if err == nil {
		probe.Close()
	}
	return claim(err != nil, "it holds the port: nobody else can listen on %s", d.listen)
}

// connectFive opens sessions and finds the process of each.
func connectFive(d *demo) error {
	for i := range 5 {
		c, err := connect(d.listen, d.target)
		if err != nil {
			return err
		}
		d.clients = append(d.clients, c)
		// Different amounts, so that no two sessions have the same counts.
		if err := c.echo(strings.Repeat("x", 100*(i+1))); err != nil {
			return err
		}
	}
	if !d.eventually(func() bool { return len(d.pids()) == 6 }) {
		return fmt.Errorf("after 2 s the pidfile has %v: not a master and 5 sessions", d.pids())
	}
	pids := d.pids()
	fmt.Printf("   pidfile: %v\n\n   %-8s %-21s %-21s ps\n", pids, "PID", "CLIENT", "TARGET")
	for _, c := range d.clients {
		want := c.addr() + " > " + d.target.addr
		if !d.eventually(func() bool {
			c.pid = carrier(pids[1:], want)
			return c.pid != 0
		}) {
			return fmt.Errorf("no process in the pidfile has %q in its title", want)
		}
		fmt.Printf("   %-8d %-21s %-21s %s\n", c.pid, c.addr(), d.target.addr, title(c.pid))
	}
	fmt.Println()
	return claim(d.listed(d.clients), "the pidfile is the master and these 5 PIDs, all different")
}

// carrier is the process whose title names a session, or 0.
func carrier(pids []int, session string) int {
	for _, pid := range pids {
		if strings.HasSuffix(title(pid), session) {
			return pid
		}
	}
	return 0
}

// killOne ends one session like an admin.
func killOne(d *demo) error {
	victim := d.clients[2]
	others := slices.Delete(slices.Clone(d.clients), 2, 3)
	fmt.Printf("   pidfile before: %v\n   $ kill %d\n", d.pids(), victim.pid)
	if err := syscall.Kill(victim.pid, syscall.SIGTERM); err != nil {
		return err
	}
	if err := claim(victim.ended(), "its client's connection has ended"); err != nil {
		return err
	}
	for _, c := range others {
		if err := c.echo("still here"); err != nil {
			return fmt.Errorf("the session of %d: %w", c.pid, err)
		}
	}
	if err := claim(true, "the 4 others still echo"); err != nil {
		return err
	}
	followed := d.eventually(func() bool { return d.listed(others) })
	fmt.Printf("   pidfile after:  %v\n", d.pids())
	return claim(followed, "it lists exactly the master and the 4 others")
}

// hangUp closes two sessions from the client's side.
func hangUp(d *demo) error {
	fmt.Printf("   pidfile before: %v\n", d.pids())
	for _, c := range d.clients[:2] {
		c.conn.Close()
	}
	followed := d.eventually(func() bool { return d.listed(d.clients[3:]) })
	fmt.Printf("   pidfile after:  %v\n", d.pids())
	return claim(followed, "it lists exactly the master and the 2 that are left")
}

// showLines compares the session file with what the clients have counted.
func showLines(d *demo) error {
	ended := d.clients[:3]
	d.eventually(func() bool { return len(d.lines()) >= len(ended) })
	lines := d.lines()
	for _, l := range lines {
		fmt.Println("   " + l)
	}
	if err := claim(len(lines) == len(ended), "3 sessions have ended and there are 3 lines"); err != nil {
		return err
	}
	return d.checkLines(ended)
}

// stopDaemon stops plug with all its sessions, and checks that nothing is
// left.
func stopDaemon(d *demo) error {
	fmt.Printf("   pidfile: %v\n", d.pids())
	if err := d.shell("kill $(cat $DIR/pid)"); err != nil {
		return err
	}
	for _, c := range d.clients[3:] {
		if !c.ended() {
			return fmt.Errorf("the session of %d goes on", c.pid)
		}
	}
	d.eventually(func() bool { return len(d.left()) == 0 })
	if err := claim(len(d.left()) == 0, "no process is left%s", list(d.left())); err != nil {
		return err
	}
	_, err := os.Stat(d.pidfile())
	if err := claim(os.IsNotExist(err), "the pidfile is gone"); err != nil {
		return err
	}
	l, err := net.Listen("tcp4", d.listen)
	if err == nil {
		l.Close()
	}
	if err := claim(err == nil, "the port is free"); err != nil {
		return err
	}
	want := d.loaded + len(d.clients)
	if err := claim(len(d.lines()) == want, "every session has its line, %d of %d", len(d.lines()), want); err != nil {
		return err
	}
	return d.checkLines(d.clients)
}

// shell prints a command line and runs it; $DIR is the demo's directory.
func (d *demo) shell(line string) error {
	fmt.Println("   $", line)
	cmd := exec.CommandContext(d.limited, "/bin/sh", "-c", line)
	cmd.Env = append(os.Environ(), "DIR="+d.dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// list shows PIDs with their titles, one per line.
func list(pids []int) string {
	var s strings.Builder
	for _, pid := range pids {
		fmt.Fprintf(&s, "\n   %d %s", pid, title(pid))
	}
	return s.String()
}
