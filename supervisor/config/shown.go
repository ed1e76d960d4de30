// What --check and plugctl config show of a configuration: JSON, with the values in
// effect.

package config

import (
	"bytes"
	"encoding/json"
)

// Values are what applies to one plug: its own values, and those of its process.
type Values struct {
	*Process
	*Plug
}

// Values are what applies to the plug with this index.
func (c *Config) Values(i int) Values { return Values{&c.Process, c.Plugs[i]} }

// Shown are the values by name, each as JSON.
func (v Values) Shown() (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	for _, m := range v.members(func(*Option) bool { return true }) {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		all[m.name] = value
	}
	return all, nil
}

// MarshalJSON is an object of what Shown returns, in the table's order. It shows the
// values in effect: -i is in the source, /address in source-address, and foreground is
// true if another option implies it.
func (v Values) MarshalJSON() ([]byte, error) {
	return v.members(func(*Option) bool { return true }).MarshalJSON()
}

// MarshalJSON is an object with the values of the process and, as "plugs", those of each
// plug by its name. There a plug's listeners take the place of the source.
func (c *Config) MarshalJSON() ([]byte, error) {
	all := Values{&c.Process, new(Plug)}.members(func(o *Option) bool { return o.Scope != ScopePlug })
	var plugs members
	for i, p := range c.Plugs {
		one := members{{"listeners", p.shownListeners()}, {"target-names", p.targetNames()}}
		one = append(one, c.Values(i).members(func(o *Option) bool { return o.Scope == ScopePlug && o.Long != "source" })...)
		plugs = append(plugs, member{p.Name, one})
	}
	return append(all, member{"max-workers", c.Budget}, member{"plugs", plugs}).MarshalJSON()
}

func (p *Plug) shownListeners() (all []members) {
	for _, s := range p.Listeners {
		all = append(all, members{{"source", s.String()}, {"backlog", s.Backlog}, {"freebind", s.Freebind}})
	}
	return all
}

// targetNames are the targets of blocks with a name.
func (p *Plug) targetNames() map[string]string {
	all := make(map[string]string)
	for _, t := range p.Targets {
		if t.ID != "" {
			all[t.ID] = t.String()
		}
	}
	return all
}

// members are the values of some options.
func (v Values) members(of func(*Option) bool) (all members) {
	for i := range options {
		if o := &options[i]; o.Get != nil && of(o) && !o.hidden(v) {
			all = append(all, member{o.Long, o.Get(v)})
		}
	}
	return all
}

// hidden reports whether an option is off, and not shown.
func (o *Option) hidden(v Values) bool { return o.Hide != nil && o.Hide(v) }

// members are a JSON object that keeps its order.
type members []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (all members) MarshalJSON() ([]byte, error) {
	var object bytes.Buffer
	object.WriteByte('{')
	for i, m := range all {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			object.WriteByte(',')
		}
		object.Write(name)
		object.WriteByte(':')
		object.Write(value)
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}
