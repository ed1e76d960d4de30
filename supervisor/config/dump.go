// A configuration as a file: the canonical one, with every value written out, or the one
// for a command line, with the values that it gives.

package config

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// node is an attribute, or a block with its labels.
type node struct {
	name  string
	value any    // string, int, float64 (seconds), bool or []string; nil for a block
	label string // of a block; "" if it has none
	body  []node
	from  string // where the value comes from, as a comment
}

// Dump is the canonical file of a configuration: the dump of a dump is identical.
func (l *Loaded) Dump() string { return printHCL(l.nodes(false)) }

// DumpJSON is the canonical file in HCL's JSON form.
func (l *Loaded) DumpJSON() string { return printJSON(l.nodes(false)) }

// Explain is the canonical file, with a comment on each value that says where it comes
// from.
func (l *Loaded) Explain() string { return printHCL(l.nodes(true)) }

func (l *Loaded) nodes(explained bool) []node {
	process := l.Config.Process
	process.ControlDefault = process.ControlDefault && !explained // a default depends on the file's name, so no file has it
	all := processNodes(&process, nil)
	explain(all, l.process, explained)
	for i, p := range l.Config.Plugs {
		body := plugNodes(p, nil)
		explain(body, l.plugs[i].origins, explained)
		block := node{name: "plug", label: p.Name, body: body}
		if explained {
			block.from = place(l.plugs[i].block.DefRange)
			l.plugs[i].explainItems(body)
		}
		all = append(all, block)
	}
	return all
}

// explainItems says where the listeners and the targets come from.
func (p *plugDraft) explainItems(body []node) {
	target := 0
	for i := range body {
		switch n := &body[i]; n.name {
		case "listen":
			n.from = place(p.listeners[0])
		case "listener":
			at := slices.IndexFunc(p.Listeners, func(s Source) bool { return s.String() == n.label })
			n.from = place(p.listeners[at])
		case "targets", "target":
			n.from = place(p.targets[target])
			target++
		}
	}
}

func explain(all []node, from origins, explained bool) {
	if !explained {
		return
	}
	for i := range all {
		if all[i].from = from[all[i].name].text; all[i].from == "" {
			all[i].from = "built in"
		}
	}
}

// processNodes are the values of a process; with given, only those for which it returns
// true.
func processNodes(process *Process, given func(name string) bool) (all []node) {
	for i := range options {
		o := &options[i]
		if o.Scope != ScopeProcess || o.Get == nil || given != nil && !given(o.Long) {
			continue
		}
		value := o.Get(Values{process, new(Plug)})
		if o.Long == "control" && value == "" {
			value = noControl
		}
		if value != "" && !(o.Long == "control" && process.ControlDefault) {
			all = append(all, node{name: o.Long, value: value})
		}
	}
	if process.Budget > 0 {
		all = append(all, node{name: "max-workers", value: process.Budget})
	}
	return all
}

// plugNodes are the values of a plug; with given, only the options for which it returns
// true.
func plugNodes(p *Plug, given func(name string) bool) []node {
	all := append(listenerNodes(p), targetNodes(p)...)
	for i := range options {
		o := &options[i]
		if plugDirectives()[o.Long] == nil || given != nil && !given(o.Long) || !p.dumps(o) {
			continue
		}
		v := Values{new(Process), p}
		if o.hidden(v) {
			continue
		}
		value := o.Get(v)
		switch v := value.(type) {
		case *User:
			value = v.String()
		case Mode:
			value = string(v)
		case float64:
			value = durationText(v)
		}
		if o.Long == "freebind" {
			value = p.freebindAll()
		}
		list, isList := value.([]string)
		if value != "" && !(isList && len(list) == 0) {
			all = append(all, node{name: o.Long, value: value})
		}
	}
	return all
}

// dumps reports whether the value of an option can be in a plug's block.
func (p *Plug) dumps(o *Option) bool {
	switch o.Long {
	case "workers", "spares", "max-uses":
		return o.appliesTo(p.Mode)
	case "backlog":
		return p.Backlog != 0 && !p.ownBacklogs()
	}
	return true
}

// ownBacklogs reports whether only the plug's own sockets have its backlog, since those
// of the service manager keep theirs.
func (p *Plug) ownBacklogs() bool {
	for _, s := range p.Listeners {
		if s.Inherited != "" && s.Backlog == 0 {
			return true
		}
	}
	return false
}

func listenerNodes(p *Plug) (all []node) {
	backlog, freebind := p.Backlog, p.freebindAll()
	if p.ownBacklogs() {
		backlog = defaultBacklog
	}
	var plain []string
	for _, s := range p.Listeners {
		var body []node
		if s.Backlog != backlog && s.Backlog != 0 {
			body = append(body, node{name: "backlog", value: s.Backlog})
		}
		if s.Freebind != (freebind && s.Named) {
			body = append(body, node{name: "freebind", value: s.Freebind})
		}
		if body == nil {
			plain = append(plain, s.String())
			continue
		}
		all = append(all, node{name: "listener", label: s.String(), body: body})
	}
	if plain != nil {
		all = append([]node{{name: "listen", value: plain}}, all...)
	}
	return all
}

// freebindAll reports whether all listeners with an address, of which there is one, are
// to be bound even if this host does not have it.
func (p *Plug) freebindAll() bool {
	return p.freebind() && !slices.ContainsFunc(p.Listeners, func(s Source) bool { return s.Named && !s.Freebind })
}

// targetNodes keep the order of the targets: as soon as one needs a block, all are blocks.
func targetNodes(p *Plug) (blocks []node) {
	named, texts := false, make([]string, 0, len(p.Targets))
	for _, t := range p.Targets {
		one := node{name: "target", label: t.String(), body: []node{}}
		if t.ID != "" {
			named, one.body = true, []node{{name: "name", value: t.ID}}
		}
		texts, blocks = append(texts, t.String()), append(blocks, one)
	}
	if named {
		return blocks
	}
	return []node{{name: "targets", value: texts}}
}

// String is the user as parseUser reads it, to the same effect.
func (u *User) String() string {
	if u == nil {
		return ""
	}
	return u.Name + ":" + strconv.FormatUint(uint64(u.GID), 10)
}

// durationText is a time in the largest unit that divides it.
func durationText(seconds float64) string {
	whole := math.Trunc(seconds)
	d := time.Duration(whole)*time.Second + time.Duration(math.Round((seconds-whole)*1e9))
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"}, {1, "ns"}} {
		if d != 0 && d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
		}
	}
	return "0s"
}
