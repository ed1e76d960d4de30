// The difference between two configurations: which options of which plugs change, and
// what each change needs.

package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Difference is one value that differs between two configurations.
type Difference struct {
	Plug   string // its name; "" for the process
	Option string // its long name; "" if the whole plug was added or removed
	Change Change // what the difference needs; ChangeNever for a whole plug
	Old    string // as JSON; "" if the plug was added
	New    string // as JSON; "" if the plug was removed
}

// String is the difference in one line.
func (d Difference) String() string {
	switch {
	case d.Option == "" && d.Old == "":
		return fmt.Sprintf("plug %s: added", d.Plug)
	case d.Option == "":
		return fmt.Sprintf("plug %s: removed", d.Plug)
	case d.Plug == "":
		return fmt.Sprintf("%s: %s → %s (%s)", d.Option, d.Old, d.New, d.Change)
	}
	return fmt.Sprintf("plug %s: %s: %s → %s (%s)", d.Plug, d.Option, d.Old, d.New, d.Change)
}

// String says what a change needs.
func (c Change) String() string {
	return [...]string{"at a start only", "live", "new workers", "sockets", "the master alone"}[c]
}

// Diff returns what changes from one configuration to the next: first of the process, then
// of each plug in the order of the next one, then the plugs that were removed.
func Diff(old, next *Config) ([]Difference, error) {
	all, err := difference("", ScopeProcess, Values{&old.Process, &Plug{}}, Values{&next.Process, &Plug{}})
	if err != nil {
		return nil, err
	}
	for _, p := range next.Plugs {
		was := old.PlugNamed(p.Name)
		if was == nil {
			all = append(all, Difference{Plug: p.Name, New: p.Name})
			continue
		}
		of, err := difference(p.Name, ScopePlug, Values{&old.Process, was}, Values{&next.Process, p})
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	for _, p := range old.Plugs {
		if next.PlugNamed(p.Name) == nil {
			all = append(all, Difference{Plug: p.Name, Old: p.Name})
		}
	}
	return all, nil
}

// PlugNamed is the plug with a name, nil if there is none.
func (c *Config) PlugNamed(name string) *Plug {
	if i := slices.IndexFunc(c.Plugs, func(p *Plug) bool { return p.Name == name }); i >= 0 {
		return c.Plugs[i]
	}
	return nil
}

func difference(plug string, scope Scope, old, next Values) (all []Difference, err error) {
	compare := func(name string, change Change, old, next any) error {
		a, err := json.Marshal(old)
		if err != nil {
			return err
		}
		b, err := json.Marshal(next)
		if err == nil && !bytes.Equal(a, b) {
			all = append(all, Difference{Plug: plug, Option: name, Change: change, Old: string(a), New: string(b)})
		}
		return err
	}
	for i := range options {
		o := &options[i]
		if o.Scope != scope || o.Get == nil {
			continue
		}
		if err := compare(o.Long, o.Change, o.Get(old), o.Get(next)); err != nil {
			return nil, err
		}
	}
	if scope != ScopePlug {
		err = compare("max-workers", ChangeMaster, old.Budget, next.Budget)
		return all, err
	}
	if err := compare("target-names", ChangeLive, old.targetNames(), next.targetNames()); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(d Difference) bool { return d.Change == ChangeSockets }) { // then only one listener's own values can differ
		err = compare("listeners", ChangeSockets, old.shownListeners(), next.shownListeners())
	}
	return all, err
}
