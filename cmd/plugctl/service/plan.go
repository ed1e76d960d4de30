// The plan: from an admin's order to the data of a service file.

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

// order is what the admin requests.
type order struct {
	name    string
	user    string // NAME or NAME:GROUP; "" is root
	program string // plug's absolute path
	args    []string
	manager *manager
}

// plan is the data of the service file for the templates.
type plan struct {
	Name    string
	Program string
	Args    []string
	Pidfile string

	User, Group  string   // of the unit
	LowPort      bool     // plug needs CAP_NET_BIND_SERVICE for its port
	Socket       bool     // the source is a socket of the service manager
	Runtime      []string // directories under /run that the manager makes
	Logs         []string // the same under /var/log
	Writable     []string // other directories that plug writes to
	HomeReadable bool     // a file of the plug is in a home directory
	TmpShared    bool     // a file of the plug is in /tmp

	command string
}

// Command is the program with its arguments, quoted for the manager.
func (p *plan) Command() string { return p.command }

// Variable is the service's name as a variable in a shell or in rc.conf.
func (p *plan) Variable() string { return strings.ReplaceAll(p.Name, "-", "_") }

var goodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

func checkName(name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("--name %q: expected a letter, then letters, digits, _ and -, at most 64", name)
	}
	return nil
}

var goodUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)

// makePlan makes a plan from the order. judge is plug --check.
func makePlan(o *order, judge func(args []string) (*checked, error)) (*plan, error) {
	if err := checkName(o.name); err != nil {
		return nil, err
	}
	if o.user != "" && !goodUser.MatchString(o.user) {
		return nil, fmt.Errorf("--user %q: expected NAME or NAME:GROUP", o.user)
	}
	p := &plan{Name: o.name, Program: o.program, Args: slices.Clone(o.args)}
	// The last --control wins: the result is p's own if ARGS have none.
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

// control chooses a control socket for a plug whose arguments name none, in a
// directory that the unit creates: the unit cannot write to the plug's default
// directory. A daemon creates the directory itself.
func (p *plan) control(o *order, c *checked) {
	if !o.manager.foreground {
		c.Control = ""
		return
	}
	p.Args = slices.Insert(p.Args, 0, "--control", c.Control)
}

// supervised is the plan for a manager that watches the shepherd. The plug
// binds low ports with a capability, so none of its processes needs to be
// root.
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

// detached is the plan for a manager that lets the plug become a daemon. Its
// master stays root, to bind again; the workers run as the user.
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

// place adds a directory that the plug writes to.
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
