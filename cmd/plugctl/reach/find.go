// Finding a master's control socket through its pidfile.

package reach

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"daemon/plug/pidfile"
	"daemon/plug/supervisor/control"
)

// find returns the control socket that the Options name.
func (o *Options) find() (place, error) {
	if o.Control != "" {
		return place{path: o.Control}, nil
	}
	if o.Pidfile == "" {
		return o.only()
	}
	pid, err := readMaster(o.Pidfile)
	if err != nil {
		return place{}, err
	}
	return o.search(pid)
}

// search asks every socket on which a process listens whether it is that
// master's: --control cannot be read from the process's command line, which is
// replaced by its title.
func (o *Options) search(pid int) (place, error) {
	paths, err := listeners(pid)
	if err != nil {
		return place{}, awayf("%s names %d as the master: %v", o.Pidfile, pid, err)
	}
	how := fmt.Sprintf("found by %s: its master %d listens there", o.Pidfile, pid)
	var last error
	for _, path := range paths {
		at := place{path, how}
		if last = o.isMaster(at, pid); last == nil {
			return at, nil
		}
	}
	if last == nil {
		last = awayf("%s names %d as the master, which has no control socket: it runs with --control none, or it could not create one",
			o.Pidfile, pid)
	}
	return place{}, last
}

func (o *Options) isMaster(at place, pid int) error {
	m, err := o.dial(at)
	if err != nil {
		return err
	}
	defer m.Close()
	r, err := m.Ask(control.Request{Verb: control.GetStatus})
	switch {
	case err != nil:
		return err
	case r.Status == nil || r.Status.PID != pid:
		return awayf("%s: the process that listens there is not the master %d", at.path, pid)
	}
	return nil
}

// readMaster reads the PID in the first line of a pidfile.
func readMaster(path string) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, awayf("%s: no such pidfile; the plug is not running, or it was started with another -P", path)
	}
	if err != nil {
		return 0, awayf("%v", err)
	}
	defer f.Close()
	const longest = 16 // digits and newline of any PID
	line, err := bufio.NewReaderSize(f, longest).ReadSlice('\n')
	pid, bad := strconv.Atoi(strings.TrimSuffix(string(line), "\n"))
	if err != nil || bad != nil || pid <= 0 {
		return 0, awayf("%s: expected the master's PID in the first line, not %q", path, line)
	}
	if held, err := pidfile.Held(path); err == nil && !held {
		return 0, awayf("%s: the plug is not running: no process has locked this pidfile, so it is stale", path)
	}
	return pid, nil
}
