// A configuration file: parsed, evaluated and checked as a whole. Every error is found in
// one run, and each has its place.

package config

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

// Limits of a configuration file.
const (
	MaxPlugs     = 1024
	MaxListeners = 64 // of one plug: as many as one message of an upgrade carries
	MaxPlugName  = 32 // bytes
)

// Loaded is what configuration files say.
type Loaded struct {
	Config *Config // nil if there are errors

	diags   hcl.Diagnostics // the errors, and then the warnings, by place
	texts   map[string]*hcl.File
	process origins
	plugs   []*plugDraft
}

// loader is the state while files are read.
type loader struct {
	system  *System
	lenient bool
	diags   hcl.Diagnostics
	files   map[string]*hcl.File
	order   []string // of their names
	locals  map[string]*local

	top      map[string]*setting // what stands outside of blocks
	defaults map[string]*setting
	plugs    []*plugDraft
	names    map[string]*plugDraft
	broken   map[string]map[int]bool // lines with an error of syntax, by file
}

// Load reads and checks the files. Nothing is opened, bound or changed.
func (f *Files) Load(system *System) *Loaded {
	l := &loader{system: system.cached(), lenient: f.Lenient, files: make(map[string]*hcl.File), locals: make(map[string]*local),
		top: make(map[string]*setting), defaults: make(map[string]*setting), names: make(map[string]*plugDraft), broken: make(map[string]map[int]bool)}
	l.collect(f)
	blocks := l.readTop()
	l.evaluateLocals()
	process := l.process(f)
	l.checkDefaults()
	for _, block := range blocks {
		l.plug(block)
	}
	if len(blocks) == 0 && !l.diags.HasErrors() {
		l.fail(strings.Join(f.Paths, " "), `no plug is defined; expected plug "NAME" { … } once or more`)
	}
	l.checkOverlaps()
	l.checkBudget(process)
	out := &Loaded{diags: l.sorted(), texts: l.files, process: process.origins, plugs: l.plugs}
	if l.diags.HasErrors() {
		return out
	}
	out.Config = &Config{Process: process.Process, Files: f}
	for _, p := range l.plugs {
		plug := p.Plug
		out.Config.Plugs = append(out.Config.Plugs, &plug)
		out.Config.Foreground = out.Config.Foreground || plug.SessionLog == "-"
	}
	if f.Advise {
		l.advise()
		out.diags = l.sorted()
	}
	return out
}

// parse parses a file; what it has of plugs and values is read later.
func (l *loader) parse(path string, text []byte) {
	if nested(text) {
		l.fail(path, fmt.Sprintf("brackets must be nested at most %d levels deep", maxNesting))
		return
	}
	var file *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(path, ".json") {
		file, diags = json.Parse(text, path)
	} else {
		file, diags = hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	}
	l.diags = append(l.diags, diags...)
	for _, d := range diags {
		if l.broken[path] == nil {
			l.broken[path] = make(map[int]bool)
		}
		l.broken[path][d.Subject.Start.Line] = true
	}
	if file != nil {
		l.files[path], l.order = file, append(l.order, path)
	}
}

// readTop reads what is outside of plugs, and returns the blocks of the plugs. Neither
// the order of the blocks nor in which file they are makes a difference.
func (l *loader) readTop() (plugs []*hcl.Block) {
	for _, path := range l.order {
		content := l.content(l.files[path].Body, topSchema)
		l.settings(l.top, content.Attributes, "top level")
		for _, block := range content.Blocks {
			switch block.Type {
			case "locals":
				attributes, diags := block.Body.JustAttributes()
				l.diags = append(l.diags, diags...)
				l.addLocals(attributes)
			case "defaults":
				inner := l.content(block.Body, defaultsSchema)
				l.keepalive(inner)
				l.settings(l.defaults, inner.Attributes, "defaults")
			case "plug":
				plugs = append(plugs, block)
			}
		}
	}
	if len(plugs) > MaxPlugs {
		l.wrong(plugs[MaxPlugs].DefRange, "Too many plugs", "This is "+tooMany("plugs", MaxPlugs)+".")
		plugs = plugs[:MaxPlugs]
	}
	return plugs
}

// settings notes values that are outside of plugs; each may be given once.
func (l *loader) settings(to map[string]*setting, attributes hcl.Attributes, in string) {
	for name, attr := range attributes {
		if other := to[name]; other != nil {
			l.wrong(attr.NameRange, "Value given twice", fmt.Sprintf("%q is already set at %s.", name, place(other.attr.NameRange)))
			continue
		}
		to[name] = &setting{attr: attr, in: in}
	}
}

// processDraft is the draft of what belongs to the process.
type processDraft struct {
	*Draft
	origins origins
}

// process reads what belongs to the process.
func (l *loader) process(f *Files) *processDraft {
	p := &processDraft{&Draft{system: l.system, Process: Process{Syslog: Syslog{Path: syslogPath(runtime.GOOS)}}}, make(origins)}
	p.Name, p.File = f.name(), f.name()
	for i := range options {
		o := &options[i]
		if o.Scope != ScopeProcess || o.Set == nil {
			continue
		}
		if o.Default != "" {
			o.Set(p.Draft, o.Default)
		}
		if s := l.top[o.Long]; s != nil && l.apply(o, s, p.Draft) {
			p.origins[o.Long] = s.origin()
		}
	}
	if s := l.top["max-workers"]; s != nil && l.apply(OptionByName("max-workers"), s, p.Draft) {
		p.Budget, p.origins["max-workers"] = p.MaxWorkers, s.origin()
	}
	if f.Pidfile != "" {
		p.Pidfile, p.origins["pidfile"] = f.Pidfile, origin{text: "command line"}
	}
	if f.Debug != 0 {
		p.Debug, p.origins["debug"] = f.Debug, origin{text: "command line"}
	}
	p.Foreground = f.Foreground || p.Debug > 0
	p.settleControl()
	for _, problem := range p.problems {
		l.problem(problem, p.origins[problem.Option].place)
	}
	return p
}

// checkDefaults checks the values for all plugs once, so that an error in one is reported
// once.
func (l *loader) checkDefaults() {
	draft := NewDraft(l.system)
	for _, all := range []map[string]*setting{l.top, l.defaults} {
		for name, s := range all {
			if d := directiveOf(name); d != nil && d.Scope == ScopePlug {
				l.apply(d, s, draft)
			}
		}
	}
}

// checkBudget checks that each plug can have its minimum of workers.
func (l *loader) checkBudget(p *processDraft) {
	sum := 0
	for _, plug := range l.plugs {
		sum += plug.MinWorkers()
	}
	if p.Budget > 0 && sum > p.Budget {
		l.problem(&Problem{Option: "max-workers", Value: strconv.Itoa(p.Budget), Reason: fmt.Sprintf(
			"must be at least %d, so that each plug can have its minimum: MIN of spares, or the workers of a pool", sum)}, p.origins["max-workers"].place)
	}
}

// sorted are the diagnostics, errors first, in the order of their places.
func (l *loader) sorted() hcl.Diagnostics {
	rank := make(map[string]int)
	for i, path := range l.order {
		rank[path] = i + 1
	}
	at := func(d *hcl.Diagnostic) hcl.Range {
		if d.Subject == nil {
			return hcl.Range{}
		}
		return *d.Subject
	}
	slices.SortStableFunc(l.diags, func(a, b *hcl.Diagnostic) int {
		x, y := at(a), at(b)
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(rank[x.Filename], rank[y.Filename]),
			cmp.Compare(x.Start.Byte, y.Start.Byte), cmp.Compare(a.Detail, b.Detail))
	})
	return slices.CompactFunc(l.diags, func(a, b *hcl.Diagnostic) bool {
		return a.Subject != nil && at(a) == at(b) && a.Severity == b.Severity && a.Summary == b.Summary && a.Detail == b.Detail
	})
}

// advise warns of what is allowed and seldom meant.
func (l *loader) advise() {
	for _, p := range l.plugs {
		if p.keepsVanished() {
			l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "No idle-timeout and no keepalive", Subject: &p.block.DefRange,
				Detail: "Sessions of clients that vanish without closing the connection never end."})
		}
	}
}

// fail reports an error that has no place in a file.
func (l *loader) fail(path, why string) {
	l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cannot use " + path, Detail: why})
}

// wrong reports an error at a place. What is on a line with an error of syntax is not
// what was meant.
func (l *loader) wrong(at hcl.Range, summary, detail string) {
	if l.broken[at.Filename][at.Start.Line] {
		return
	}
	l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at})
}

// place is a place in a file, as messages name it.
func place(at hcl.Range) string { return fmt.Sprintf("%s:%d", at.Filename, at.Start.Line) }
