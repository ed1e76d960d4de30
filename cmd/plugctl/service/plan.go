package service

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// order is what the admin asks for.
type order struct {
	name    string
	user    string // NAME or NAME:GROUP; "" is root
	program string // plug's absolute path
	args    []string
	manager *manager
}

// plan is what the file says, as the templates see it.
type plan struct {
	Name    string
	Program string
	Args    []string
	Pidfile string

	User, Group  string   // of the unit
	LowPort      bool     // a port that only CAP_NET_BIND_SERVICE can bind
	Socket       bool     // the source is a socket of the manager's
	Runtime      []string // directories under /run that the manager makes
	Logs         []string // and under /var/log
	Writable     []string // directories that plug writes into besides
	HomeReadable bool     // something of the plug's lies in a home
	TmpShared    bool     // or in /tmp

	command string
}

// Command is program and arguments, quoted for the manager.
func (p *plan) Command() string { return p.command }

// Variable is the name as a shell's or rc.conf's variable has it.
func (p *plan) Variable() string { return strings.ReplaceAll(p.Name, "-", "_") }

var goodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

func checkName(name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("--name %q: expected a letter, then letters, digits, _ and -, at most 64", name)
	}
	return nil
}

var goodUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)

// makePlan settles the order. judge is plug --check.
func makePlan(o *order, judge func(args []string) (*checked, error)) (*plan, error) {
	if err := checkName(o.name); err != nil {
		return nil, err
	}
	if o.user != "" && !goodUser.MatchString(o.user) {
		return nil, fmt.Errorf("--user %q: expected NAME or NAME:GROUP", o.user)
	}
	p := &plan{Name: o.name, Program: o.program, Args: slices.Clone(o.args)}
	// The last --control wins: what comes back is p's own where ARGS have none.
	own := "/run/" + p.Name + "/control"
	c, err := judge(append([]string{"--control", own}, p.Args...))
	if err != nil {
		return nil, err
	}
	if c.Control == own && !slices.ContainsFunc(p.Args, isControl) {
		p.control(o, c)
	}
	if o.user != "" && c.hasUser() {
		return nil, errors.New("--user: given to both plugctl and plug; give it only before the --")
	}
	if o.manager.foreground {
		err = p.supervised(o, c)
	} else {
		err = p.detached(o, c)
	}
	if err != nil {
		return nil, err
	}
	if err := p.places(o, c); err != nil {
		return nil, err
	}
	p.command = quoteAll(o.manager.quote, append([]string{p.Program}, p.Args...))
	return p, nil
}

func isControl(arg string) bool { return arg == "--control" || strings.HasPrefix(arg, "--control=") }

// control gives a plug whose arguments name no control socket one in a directory
// that the unit makes: the plug's own default is where the unit can't write. A
// daemon makes that by itself.
func (p *plan) control(o *order, c *checked) {
	if !o.manager.foreground {
		c.Control = ""
		return
	}
	p.Args = slices.Insert(p.Args, 0, "--control", c.Control)
}

// supervised is for a manager that watches the shepherd. It binds low ports by
// a capability, so nothing of the plug needs to be root.
func (p *plan) supervised(o *order, c *checked) error {
	if !c.Foreground {
		p.Args = slices.Insert(p.Args, 0, "-n")
	}
	p.Pidfile = c.Pidfile
	p.User, p.Group, _ = strings.Cut(o.user, ":")
	if strings.HasPrefix(c.Source, "fd:") {
		p.Socket = true
		return nil
	}
	source, _, _ := strings.Cut(c.Source, "/")
	port, err := strconv.Atoi(source[strings.LastIndexByte(source, ':')+1:])
	if err != nil {
		return fmt.Errorf("plug --check reports the source %q; expected a port in it", c.Source)
	}
	p.LowPort = port < 1024
	return nil
}

// detached is for a manager that lets the plug become a daemon by itself. Its
// master stays root, to bind again; the workers are the user's.
func (p *plan) detached(o *order, c *checked) error {
	if c.Foreground {
		return fmt.Errorf("PLUG-ARGS: -n, -d and -S - keep plug in the foreground; remove them for --manager %s, under which plug detaches", o.manager.name)
	}
	if strings.HasPrefix(c.Source, "fd:") {
		return fmt.Errorf("PLUG-ARGS: source %q is a socket of the service manager; expected a port for --manager %s", c.Source, o.manager.name)
	}
	if o.user != "" {
		p.Args = slices.Insert(p.Args, 0, "--user", o.user)
	}
	if p.Pidfile = c.Pidfile; p.Pidfile == "" {
		p.Pidfile = o.manager.run + p.Name + ".pid"
		c.Pidfile = p.Pidfile
		p.Args = slices.Insert(p.Args, 0, "-P", p.Pidfile)
	}
	return nil
}

// places finds out what the plug writes, and where.
func (p *plan) places(o *order, c *checked) error {
	for _, f := range []struct{ option, file string }{{"-P", c.Pidfile}, {"-S", c.SessionLog}, {"--control", c.Control}} {
		if f.file == "" || f.file == "-" {
			continue
		}
		if !path.IsAbs(f.file) {
			return fmt.Errorf("PLUG-ARGS: %s %q: must be an absolute path, because a service starts in /", f.option, f.file)
		}
		dir := path.Dir(path.Clean(f.file))
		if p.User != "" && slices.Contains([]string{"/run", "/var/run", "/var/log", "/"}, dir) {
			return fmt.Errorf("PLUG-ARGS: %s %q: %s cannot write to %s; use %s, in a directory that the unit creates", f.option, f.file,
				p.User, dir, path.Join(dir, p.Name, path.Base(f.file)))
		}
		p.place(dir)
	}
	for _, file := range []string{p.Program, c.Pidfile, c.SessionLog, c.Control, c.Syslog} {
		p.TmpShared = p.TmpShared || within(file, "/tmp", "/var/tmp")
		p.HomeReadable = p.HomeReadable || within(file, "/home", "/root", "/run/user")
	}
	return nil
}

// place is one directory that the plug writes into.
func (p *plan) place(dir string) {
	add := func(to *[]string, s string) {
		if !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
	for _, run := range []string{"/run/", "/var/run/"} {
		if sub, ok := strings.CutPrefix(dir, run); ok && isPlain(sub) && !strings.Contains(sub, "/") && !strings.HasPrefix(sub, ".") {
			add(&p.Runtime, sub)
			return
		}
	}
	if sub, ok := strings.CutPrefix(dir, "/var/log/"); ok && isPlain(sub) && !strings.Contains(sub, "/") && p.User != "" {
		add(&p.Logs, sub)
		return
	}
	add(&p.Writable, dir)
}

func within(file string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(path.Clean(file), dir+"/") })
}
