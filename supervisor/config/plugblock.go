// A plug's block: its listeners, its targets and its options.

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// plugDraft is a plug of a file, with the places of its values.
type plugDraft struct {
	*Draft
	block     *hcl.Block
	origins   origins
	listeners []hcl.Range // by index of sources
	targets   []hcl.Range
}

// item is an element of listen or targets, or a block that stands for one.
type item struct {
	text  string
	at    hcl.Range
	block *hcl.Block // nil if it is an element
}

// plug reads a plug's block and checks it.
func (l *loader) plug(block *hcl.Block) {
	p := &plugDraft{Draft: NewDraft(l.system), block: block, origins: make(origins)}
	l.namePlug(p, block)
	content := l.content(block.Body, plugSchema)
	l.keepalive(content)
	l.options(p, content.Attributes)
	l.placeListeners(p, l.items(p, content, "listen", "listener"))
	l.placeTargets(p, l.items(p, content, "targets", "target"))
	for _, check := range [...]func(){p.settleListeners, p.checkCounts, p.checkFamilies, p.checkInterfaces, p.checkLoop, p.settleNumbers, p.settleSpares, p.settleTiming} {
		check()
	}
	for _, problem := range p.problems {
		l.problem(problem, p.placeOf(problem))
	}
	l.plugs = append(l.plugs, p)
}

// namePlug checks a plug's name.
func (l *loader) namePlug(p *plugDraft, block *hcl.Block) {
	p.Name = block.Labels[0]
	at := block.LabelRanges[0]
	if !isPlugName(p.Name) {
		l.wrong(at, "Invalid name", fmt.Sprintf("plug %q: expected a name of small letters, digits and \"-\" that begins with a letter, at most %d bytes long.",
			p.Name, MaxPlugName))
		return
	}
	if other := l.names[p.Name]; other != nil {
		l.wrong(at, "Name given twice", fmt.Sprintf("plug %q is already defined at %s.", p.Name, place(other.block.DefRange)))
		return
	}
	l.names[p.Name] = p
}

func isPlugName(name string) bool {
	return len(name) <= MaxPlugName && name != "" && 'a' <= name[0] && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// options sets the options of a plug: each has the value of the plug, else that of
// defaults, else the one outside of blocks, else the built-in one.
func (l *loader) options(p *plugDraft, own hcl.Attributes) {
	for i := range options {
		o := &options[i]
		if plugDirectives()[o.Long] == nil {
			continue
		}
		s := l.defaults[o.Long]
		if s == nil && slices.Contains(topDefaults, o.Long) {
			s = l.top[o.Long]
		}
		if attr := own[o.Long]; attr != nil {
			s = &setting{attr: attr}
		} else if s == nil || !o.appliesTo(p.Mode) {
			continue
		}
		if !l.apply(o, s, p.Draft) {
			continue
		}
		from := origin{place(s.attr.NameRange), s.attr.Expr.Range()}
		if s.in != "" {
			from = s.origin()
		}
		p.origins[o.Long] = from
	}
}

// keepalive makes of keepalive blocks what the directives keepalive-idle and so on say.
func (l *loader) keepalive(content *hcl.BodyContent) {
	for _, block := range content.Blocks {
		if block.Type != "keepalive" {
			continue
		}
		inner := l.content(block.Body, keepaliveSchema)
		for name, attr := range inner.Attributes {
			renamed := *attr
			renamed.Name = "keepalive-" + name
			if other := content.Attributes[renamed.Name]; other != nil {
				l.wrong(attr.NameRange, "Value given twice", fmt.Sprintf("%q is already set at %s.", renamed.Name, place(other.NameRange)))
				continue
			}
			content.Attributes[renamed.Name] = &renamed
		}
	}
}

// appliesTo reports whether plugs with a mode have an option; one in defaults is for the
// others.
func (o *Option) appliesTo(mode Mode) bool {
	switch o.Long {
	case "workers":
		return mode == Pool
	case "spares":
		return mode != Pool
	case "max-uses":
		return mode != Fork
	}
	return true
}

// items are the elements of a list and the blocks that stand for single ones, in the
// order of their places.
func (l *loader) items(p *plugDraft, content *hcl.BodyContent, list, block string) (all []item) {
	attr, failed := content.Attributes[list], false
	if attr != nil {
		f := formText
		if list == "listen" { // a port may be a number
			f = formNumber
		}
		all, failed = l.elements(attr, f)
	}
	for _, b := range content.Blocks {
		if b.Type == block {
			all = append(all, item{b.Labels[0], b.LabelRanges[0], b})
		}
	}
	if len(all) == 0 && !failed && l.broken[p.block.DefRange.Filename] == nil {
		l.wrong(p.block.DefRange, "Missing "+list, fmt.Sprintf("plug %q has none; expected %s = [\"…\"], or a %s block.", p.Name, list, block))
	}
	slices.SortStableFunc(all, func(a, b item) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
	return all
}

// placeListeners reads where the plug listens.
func (l *loader) placeListeners(p *plugDraft, items []item) {
	if len(items) > MaxListeners {
		l.problem(&Problem{Option: "listen", Value: items[MaxListeners].text, Reason: tooMany("listeners", MaxListeners)}, items[MaxListeners].at)
		items = items[:MaxListeners]
	}
	for _, one := range items {
		source, outgoing, err := parseSource(one.text)
		if err == nil && outgoing != (Outgoing{}) {
			err = fmt.Errorf("expected nothing after the address; use source-address or source-interface")
		}
		draft := listenerDraft{Source: source}
		if one.block != nil {
			l.listener(&draft, one.block)
		}
		if err != nil {
			l.problem(&Problem{Option: "listen", Value: one.text, Reason: err.Error()}, one.at)
			continue
		}
		p.sources, p.listeners = append(p.sources, draft), append(p.listeners, one.at)
	}
}

// listener reads a listener's block.
func (l *loader) listener(to *listenerDraft, block *hcl.Block) {
	content := l.content(block.Body, listenerSchema)
	d := &Draft{system: l.system}
	for _, name := range []string{"backlog", "freebind"} {
		attr := content.Attributes[name]
		if attr == nil || !l.apply(OptionByName(name), &setting{attr: attr}, d) {
			continue
		}
		if name == "backlog" {
			to.backlog = d.Backlog
		} else {
			to.freebind = &d.Freebind
		}
	}
}

// placeTargets reads the targets, whose order counts.
func (l *loader) placeTargets(p *plugDraft, items []item) {
	if len(items) > MaxTargets {
		l.problem(&Problem{Option: "target", Value: items[MaxTargets].text, Reason: tooMany("targets", MaxTargets)}, items[MaxTargets].at)
		items = items[:MaxTargets]
	}
	named := make(map[string]hcl.Range)
	for _, one := range items {
		port := p.port()
		if len(p.sources) == 0 { // an error was reported
			port = 1
		}
		target, err := parseTarget(one.text, port, p.Via.IsValid())
		if one.block != nil {
			l.target(&target, one.block, named)
		}
		if err != nil {
			if e, bad := splitEndpoint(one.text); port == 0 && bad == nil && !e.hasPort {
				err = fmt.Errorf("%w, since the listeners do not all have the same one", err)
			}
			l.problem(&Problem{Option: "target", Value: one.text, Reason: err.Error()}, one.at)
			continue
		}
		p.Targets, p.targets = append(p.Targets, target), append(p.targets, one.at)
	}
}

// target reads a target's block.
func (l *loader) target(to *Target, block *hcl.Block, named map[string]hcl.Range) {
	content := l.content(block.Body, targetSchema)
	attr := content.Attributes["name"]
	if attr == nil {
		return
	}
	all, failed := l.single(attr, formText)
	if failed {
		return
	}
	name, at := all[0].text, attr.Expr.Range()
	switch other, twice := named[name]; {
	case !isPlugName(name):
		l.wrong(at, "Invalid name", fmt.Sprintf("target %q: expected a name of small letters, digits and \"-\" that begins with a letter, at most %d bytes long.",
			name, MaxPlugName))
	case twice:
		l.wrong(at, "Name given twice", fmt.Sprintf("target %q is already defined at %s.", name, place(other)))
	default:
		named[name], to.ID = at, name
	}
}

// placeOf is the place of a value that a problem is about.
func (p *plugDraft) placeOf(problem *Problem) hcl.Range {
	switch {
	case (problem.Option == "source" || problem.Option == "freebind") && 0 <= problem.Index && problem.Index < len(p.listeners):
		return p.listeners[problem.Index]
	case problem.Option == "target" && 0 <= problem.Index && problem.Index < len(p.targets):
		return p.targets[problem.Index]
	}
	if from, ok := p.origins[problem.Option]; ok {
		return from.place
	}
	return p.block.DefRange
}
