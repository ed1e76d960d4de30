// Directives: what a file may say, and how its values reach the options.

package config

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
)

// form is the kind of value that a directive has.
type form uint8

const (
	formText form = iota
	formNumber
	formTime
	formFlag
	formList
)

// forms are those of the options, by name.
var forms = sync.OnceValue(func() map[string]form {
	all := make(map[string]form)
	for i := range options {
		if options[i].Get != nil {
			all[options[i].Long] = options[i].findForm()
		}
	}
	return all
})

func (o *Option) form() form { return forms()[o.Long] }

// findForm finds the form in what --check shows of the option.
func (o *Option) findForm() form {
	switch o.Get(Values{new(Process), new(Plug)}).(type) {
	case bool:
		return formFlag
	case int:
		return formNumber
	case float64:
		return formTime
	case []string:
		return formList
	}
	return formText
}

// put is how a file sets the option.
func (o *Option) put() func(*Draft, string) error {
	if o.Put != nil {
		return o.Put
	}
	return o.Set
}

// plugDirectives are the options that are directives of a plug, by name. Sources and
// targets are read by code of their own.
var plugDirectives = sync.OnceValue(func() map[string]*Option {
	all := make(map[string]*Option)
	for i := range options {
		if o := &options[i]; o.Scope == ScopePlug && o.Get != nil && o.put() != nil {
			all[o.Long] = o
		}
	}
	return all
})

// topDefaults are the directives of plugs that may also stand outside of blocks, as
// defaults of all plugs.
var topDefaults = []string{"log", "session-log"}

// directiveOf is the option that a directive sets, nil if there is none.
func directiveOf(name string) *Option {
	if o := plugDirectives()[name]; o != nil {
		return o
	}
	if o := OptionByName(name); o != nil && o.Scope == ScopeProcess {
		return o
	}
	return nil
}

var topSchema, defaultsSchema, plugSchema, listenerSchema, targetSchema = schemas()

// keepaliveSchema is the block that sets keepalive and its times together.
var keepaliveSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "idle"}, {Name: "every"}, {Name: "count"}, {Name: "of"}}}

func schemas() (top, defaults, plug, listener, target *hcl.BodySchema) {
	add := func(to *hcl.BodySchema, names ...string) {
		for _, name := range names {
			to.Attributes = append(to.Attributes, hcl.AttributeSchema{Name: name})
		}
	}
	top = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "plug", LabelNames: []string{"name"}}, {Type: "defaults"}, {Type: "locals"}}}
	defaults, listener, target = new(hcl.BodySchema), new(hcl.BodySchema), new(hcl.BodySchema)
	plug = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "listener", LabelNames: []string{"source"}}, {Type: "target", LabelNames: []string{"address"}}, {Type: "keepalive"}}}
	defaults.Blocks = []hcl.BlockHeaderSchema{{Type: "keepalive"}}
	for i := range options {
		o := &options[i]
		switch {
		case o.Scope == ScopeProcess && o.Set != nil:
			add(top, o.Long)
		case o.Scope == ScopePlug && o.Get != nil && (o.Set != nil || o.Put != nil):
			add(defaults, o.Long)
			add(plug, o.Long)
		}
	}
	add(top, topDefaults...)
	add(top, "max-workers")
	add(plug, "listen", "targets")
	add(listener, "backlog", "freebind")
	add(target, "name")
	return top, defaults, plug, listener, target
}

// setting is a directive's value outside of plugs.
type setting struct {
	attr   *hcl.Attribute
	in     string // where it is: "defaults", "top level"
	items  []item
	read   bool // items are its value
	failed bool // an error was reported
}

// origin says where a value comes from; the zero value is that it is built in.
type origin struct {
	text  string
	place hcl.Range
}

// origins are those of options, by name.
type origins map[string]origin

func (s *setting) origin() origin {
	return origin{s.in + ", " + place(s.attr.NameRange), s.attr.Expr.Range()}
}

// apply sets an option of a draft to a value of a file. It reports whether that is
// possible; the first time that it is not, it reports the error.
func (l *loader) apply(o *Option, s *setting, d *Draft) bool {
	if !s.read {
		s.read = true
		if o.form() == formList {
			s.items, s.failed = l.elements(s.attr, formText)
		} else {
			s.items, s.failed = l.single(s.attr, o.form())
		}
	}
	if s.failed {
		return false
	}
	if o.form() == formList {
		d.clear(o)
	}
	for _, one := range s.items {
		if err := d.put(o, one.text); err != nil {
			s.failed = true
			l.problem(&Problem{Option: o.Long, Value: one.text, Reason: err.Error() + unitHint(o, one.text)}, one.at)
		}
	}
	return !s.failed
}

// put is Take for a file.
func (d *Draft) put(o *Option, text string) error {
	if err := d.lacks(o); err != nil {
		return err
	}
	return o.put()(d, text)
}

// clear empties the list that an option adds to.
func (d *Draft) clear(o *Option) {
	if o.Long == "allow" {
		d.Rules = nil
	}
}

// unitHint helps those who know programs that take milliseconds.
func unitHint(o *Option, text string) string {
	if o.form() != formTime || !isDigits(text) {
		return ""
	}
	return fmt.Sprintf("; a number is in seconds here, for milliseconds write \"%sms\"", text)
}

// inFile makes a reason that names options name directives.
var inFile = strings.NewReplacer("(with -h,", "(with via,", "--mode fork", `mode "fork"`, "--mode prefork", `mode "prefork"`,
	"--mode pool", `mode "pool"`, "add --control PATH", "set control", "--", "")

// problem reports what is wrong with a value.
func (l *loader) problem(p *Problem, at hcl.Range) {
	shown := *p
	shown.Reason = inFile.Replace(p.Reason)
	if p.Option == "source" {
		shown.Option = "listen"
	}
	l.wrong(at, "Invalid "+shown.Option, shown.Error()+".")
}

// content reads a body. For a name that is not expected here, the error says where it
// belongs.
func (l *loader) content(body hcl.Body, schema *hcl.BodySchema) *hcl.BodyContent {
	content, diags := body.Content(schema)
	for _, d := range diags {
		file := l.files[d.Subject.Filename]
		if file == nil || strings.Contains(d.Detail, "Did you mean") {
			continue
		}
		switch name := strings.Trim(string(d.Subject.SliceBytes(file.Bytes)), "\""); {
		case name == "bind" || name == "source":
			d.Detail += " Expected listen, in a plug."
		case slices.Contains([]string{"listen", "targets", "listener", "target"}, name):
			d.Detail += " It belongs in a plug."
		case plugDirectives()[name] != nil:
			d.Detail += " It belongs in a plug, or in defaults."
		case OptionByName(name) == nil:
		case OptionByName(name).Scope == ScopeProcess:
			d.Detail += " It belongs outside of all blocks."
		case OptionByName(name).Scope == ScopeCommand:
			d.Detail += " It can only be given on the command line."
		}
	}
	l.diags = append(l.diags, diags...)
	return content
}

// Directive is a directive with one value, or with a list.
type Directive struct {
	Name, Form string // the form is text, number, time, flag or list
	Change     Change
}

// Directives are those of a scope, in the order of the table.
func Directives(of Scope) (all []Directive) {
	for i := range options {
		o := &options[i]
		if of == ScopePlug && plugDirectives()[o.Long] != nil || of == ScopeProcess && o.Scope == of && o.Set != nil {
			all = append(all, Directive{o.Long, [...]string{"text", "number", "time", "flag", "list"}[o.form()], o.Change})
		}
	}
	return all
}
