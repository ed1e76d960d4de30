// The pidfile in the master's life: which PIDs it lists, when it is written, and
// what happens if its disk is away.

package supervisor

import (
	"time"

	"daemon/plug/pidfile"
)

// pidlist keeps the pidfile equal to the roster. A goroutine writes the file; the
// loop gives it complete lists, at most one every 10 ms.
type pidlist struct {
	file    *pidfile.File
	dirty   bool   // the roster differs from the last list handed over
	version uint64 // of the last list handed over
	written uint64 // of the last list known to be in the file
	writing bool   // the writer has a list
	last    time.Time
	broken  bool   // the last write failed, and that was logged
	strayed string // why a link could not be followed, as last logged

	lists   chan pidList
	results chan pidResult
}

// pidList is a list to be written. Without PIDs it is a question: does the file
// still exist?
type pidList struct {
	version uint64
	pids    []int
}

type pidResult struct {
	version uint64
	err     error
	strayed error // why the file stays at the place where the path's links led before
	asked   bool  // it is the answer to a question
	current bool
}

// removePatience is how long a master that ends waits for the disk of a file that
// it removes.
const removePatience = 300 * time.Millisecond

// claimPatience is how long a start waits for the disk of the control socket or of
// the pidfile, which may also be passing from one master to another.
const claimPatience = 5 * time.Second

const coalesce = 10 * time.Millisecond

// claim takes the pidfile; path may be empty.
func (p *pidlist) claim(path string, pid int) (err error) {
	if path == "" {
		return nil
	}
	f, err := within(claimPatience, "pidfile "+path, func() (*pidfile.File, error) { return pidfile.Claim(path, pid) })
	if err != nil {
		return err
	}
	p.use(f)
	return nil
}

// use starts the writer.
func (p *pidlist) use(file *pidfile.File) {
	p.file = file
	lists, results := make(chan pidList, 1), make(chan pidResult, 1)
	p.lists, p.results = lists, results
	go func() {
		for list := range lists {
			if list.pids == nil {
				results <- pidResult{asked: true, current: file.Current()}
				continue
			}
			strayed := file.Follow(list.pids)
			results <- pidResult{version: list.version, err: file.Write(list.pids), strayed: strayed}
		}
	}()
}

// adoptPidfile uses the file that adopt gets from the old master. If its disk does
// not answer in time, the file is used as soon as it does.
func (m *master) adoptPidfile(adopt func() (*pidfile.File, error)) {
	take := func(f *pidfile.File, err error) {
		if err != nil {
			m.log.Error("pidfile", "error", err)
			return
		}
		m.pidfile.use(f)
		m.pidfile.dirty = true
	}
	f, err := withinOr(commitPatience, "pidfile "+m.cfg.Pidfile, adopt, func(f *pidfile.File, err error) {
		m.do(func() { take(f, err) })
	})
	take(f, err)
}

// due returns when the pidfile has to be written next; zero if it need not be.
func (p *pidlist) due() time.Time {
	if !p.dirty || p.writing {
		return time.Time{}
	}
	return p.last.Add(coalesce)
}

// next returns the version that contains the current roster.
func (p *pidlist) next() uint64 {
	if p.dirty {
		return p.version + 1
	}
	return p.version
}

// writePidfile gives the roster to the writer if it has changed, if the previous
// list is written, and if enough time has passed since then.
func (m *master) writePidfile(now time.Time) {
	p := &m.pidfile
	due := p.due()
	if due.IsZero() || now.Before(due) {
		return
	}
	p.dirty, p.last = false, now
	p.version++
	if p.file == nil {
		p.written = p.version
		return
	}
	pids := make([]int, 1, 1+len(m.roster))
	pids[0] = m.pid
	for _, c := range m.roster {
		if c.listed && c.pid != 0 {
			pids = append(pids, c.pid)
		}
	}
	p.writing = true
	p.lists <- pidList{p.version, pids}
}

// checkPidfile has the writer check whether the path still names the file.
func (m *master) checkPidfile() {
	if p := &m.pidfile; p.file != nil && !p.writing {
		p.writing = true
		p.lists <- pidList{}
	}
}

// pidfileWritten handles the writer's answer.
func (m *master) pidfileWritten(r pidResult) {
	p := &m.pidfile
	p.writing = false
	if r.asked {
		p.dirty = p.dirty || !r.current // removed or replaced: it is written again
		return
	}
	if r.err == nil {
		m.totals.PidfileWrites++
		p.written = r.version
	} else {
		p.dirty = true // once more, later
		p.last = time.Now().Add(100 * time.Millisecond)
		if !p.broken {
			m.log.Error("cannot write the pidfile", "error", r.err)
		}
	}
	p.broken = r.err != nil
	if r.strayed != nil && p.strayed != r.strayed.Error() {
		p.strayed = r.strayed.Error()
		m.log.Error("cannot follow the pidfile's symbolic link", "error", r.strayed)
	}
}

// removePidfile waits for the writer and removes the file. The wait is limited,
// because the disk may be away.
func (m *master) removePidfile() {
	p := &m.pidfile
	if p.file == nil {
		return
	}
	file, writing, results := p.file, p.writing, p.results
	p.file, p.writing, p.results = nil, false, nil // this function waits for the results; the loop must not take them
	_, err := within(removePatience, "pidfile "+m.cfg.Pidfile, nothing(func() error {
		if writing {
			<-results
		}
		return file.Remove()
	}))
	if err != nil {
		m.log.Error("pidfile", "error", err)
	}
}
