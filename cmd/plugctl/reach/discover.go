// Finding all running plugs, and choosing one if none is named.

package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"daemon/plug/supervisor/control"
)

// Plug is a control socket that was found, with its master's status.
type Plug struct {
	Control string
	Status  *control.Status // nil: it has not answered
	Err     error           // the reason
}

// Denied reports whether this user may not ask the plug.
func (p *Plug) Denied() bool { return errors.Is(p.Err, fs.ErrPermission) }

// When all masters are asked, each may be silent for discoverTime, and take
// discoverMost for its whole answer: the socket may belong to another user,
// who could send an endless answer.
const (
	discoverTime = time.Second
	discoverMost = 2 * discoverTime
)

// Discover finds the control sockets of this system on which a plug listens,
// and asks each for its status. It searches the default directories for
// control sockets and, if the kernel shows them, also finds those of this
// network namespace that lie elsewhere.
func (o *Options) Discover() []Plug {
	paths := elsewhere()
	for _, dir := range runDirs(runtime.GOOS, os.Geteuid(), os.Getenv("XDG_RUNTIME_DIR")) {
		found, _ := filepath.Glob(filepath.Join(dir, "*.ctl"))
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	plugs := make([]Plug, len(paths))
	var asked sync.WaitGroup
	for i, path := range paths {
		asked.Go(func() { plugs[i] = o.hail(path) })
	}
	asked.Wait()
	return slices.DeleteFunc(plugs, func(p Plug) bool {
		return errors.Is(p.Err, syscall.ECONNREFUSED) || errors.Is(p.Err, fs.ErrNotExist) // left by a dead plug
	})
}

// hail asks a master for its status, for at most discoverMost.
func (o *Options) hail(path string) Plug {
	answered := make(chan Plug, 1)
	go func() { answered <- o.status(path) }()
	select {
	case p := <-answered:
		return p
	case <-time.After(discoverMost):
		return Plug{Control: path, Err: fmt.Errorf("control socket %s: no complete answer within %v", path, discoverMost)}
	}
}

func (o *Options) status(path string) Plug {
	p := Plug{Control: path}
	client, err := control.Dial(path, min(o.Timeout, discoverTime))
	if err != nil {
		p.Err = err
		return p
	}
	defer client.Close()
	r, err := client.Ask(control.Request{Verb: control.GetStatus})
	if err == nil && r.Status == nil {
		err = fmt.Errorf("control socket %s: the answer has no status", path)
	}
	p.Status, p.Err = r.Status, err
	return p
}

// runDirs are the default directories of control sockets: root's, the user's
// own, and for root those of all users.
func runDirs(goos string, euid int, userDir string) (dirs []string) {
	if goos == "linux" {
		dirs = append(dirs, "/run/plug")
	} else {
		dirs = append(dirs, "/var/run/plug")
	}
	switch {
	case euid == 0:
		users, _ := filepath.Glob("/run/user/*/plug")
		dirs = append(dirs, users...)
	case filepath.IsAbs(userDir):
		dirs = append(dirs, filepath.Join(userDir, "plug"))
	}
	return dirs
}

// only returns the control socket of the only plug that this user may ask.
func (o *Options) only() (place, error) {
	plugs := o.Discover()
	denied := 0
	plugs = slices.DeleteFunc(plugs, func(p Plug) bool {
		if p.Denied() {
			denied++
		}
		return p.Denied()
	})
	switch {
	case len(plugs) == 1:
		return place{plugs[0].Control, "this is the only plug that was found"}, nil
	case len(plugs) > 1:
		return place{}, &Several{plugs}
	case denied > 0:
		return place{}, awayf("found only plugs that you may not query (%d); run plugctl as root or as their user", denied)
	}
	return place{}, awayf("no running plug was found; give its control socket with -s PATH or its pidfile with -P FILE")
}

// Several is the error if no plug was named and several are running.
type Several struct{ Plugs []Plug }

// mostNamed is the maximum number of plugs that an error names.
const mostNamed = 8

func (e *Several) Error() string {
	var names []string
	for _, p := range e.Plugs[:min(len(e.Plugs), mostNamed)] {
		names = append(names, "-s "+p.Control)
	}
	if len(names) < len(e.Plugs) {
		names = append(names, "...")
	}
	return fmt.Sprintf("%d plugs are running; choose one: %s; see plugctl list", len(e.Plugs), strings.Join(names, ", "))
}
