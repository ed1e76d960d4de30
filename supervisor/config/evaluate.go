// Values of a file: literals, lists, local.NAME, env.NAME, and the functions concat and
// format. Nothing else is evaluated.

package config

import (
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// local is a value of a locals block.
type local struct {
	attr  *hcl.Attribute
	value cty.Value
	state localState
}

type localState uint8

const (
	localUnread localState = iota
	localReading
	localRead
	localFailed // the error was reported
)

func (l *loader) addLocals(attributes hcl.Attributes) {
	for name, attr := range attributes {
		if other := l.locals[name]; other != nil {
			l.wrong(attr.NameRange, "Value given twice", fmt.Sprintf("local.%s is already set at %s.", name, place(other.attr.NameRange)))
			continue
		}
		l.locals[name] = &local{attr: attr}
	}
}

// evaluateLocals evaluates all of them, used or not, so that each error is reported.
func (l *loader) evaluateLocals() {
	for _, name := range slices.Sorted(maps.Keys(l.locals)) {
		l.evaluateLocal(l.locals[name])
	}
}

func (l *loader) evaluateLocal(one *local) {
	if one.state != localUnread {
		return
	}
	one.state = localReading
	value, ok := l.evaluate(one.attr.Expr)
	one.value, one.state = value, localRead
	if !ok {
		one.state = localFailed
	}
}

// functions are those that a file may call.
var functions = map[string]function.Function{"concat": stdlib.ConcatFunc, "format": stdlib.FormatFunc}

// evaluate returns the value of an expression. Without one, an error was reported.
func (l *loader) evaluate(e hcl.Expression) (cty.Value, bool) {
	plain, ok := l.allowed(e)
	if !ok {
		return cty.NilVal, false
	}
	if plain { // most are: no names are looked up
		value, diags := e.Value(nil)
		l.diags = append(l.diags, diags...)
		return value, !diags.HasErrors()
	}
	locals, env := make(map[string]cty.Value), make(map[string]cty.Value)
	for _, t := range e.Variables() {
		ok = l.lookUp(t, locals, env) && ok
	}
	if !ok {
		return cty.NilVal, false
	}
	value, diags := e.Value(&hcl.EvalContext{Functions: functions,
		Variables: map[string]cty.Value{"local": cty.ObjectVal(locals), "env": cty.ObjectVal(env)}})
	for _, d := range diags {
		d.EvalContext, d.Expression = nil, nil
	}
	l.diags = append(l.diags, diags...)
	return value, !diags.HasErrors()
}

// lookUp finds what a local.NAME or env.NAME stands for.
func (l *loader) lookUp(t hcl.Traversal, locals, env map[string]cty.Value) bool {
	root, name := t.RootName(), ""
	if len(t) > 1 {
		if step, ok := t[1].(hcl.TraverseAttr); ok {
			name = step.Name
		}
	}
	switch {
	case root == "local" && name != "":
		one := l.locals[name]
		if one == nil {
			l.wrong(t.SourceRange(), "Unknown local value", fmt.Sprintf("There is no local.%s: no locals block sets %q.", name, name))
			return false
		}
		l.evaluateLocal(one)
		if one.state == localReading {
			l.wrong(t.SourceRange(), "Local value that needs itself", fmt.Sprintf("local.%s needs its own value.", name))
			return false
		}
		locals[name] = one.value
		return one.state == localRead
	case root == "env" && name != "":
		value, set := l.system.lookupEnv(name)
		if !set {
			l.wrong(t.SourceRange(), "Unset environment variable", fmt.Sprintf("The environment variable %s is not set.", name))
			return false
		}
		env[name] = cty.StringVal(value)
		return true
	}
	l.wrong(t.SourceRange(), "Unknown name", fmt.Sprintf("There is no value %q; expected a text in quotes, local.NAME or env.NAME.", root))
	return false
}

func (s *System) lookupEnv(name string) (string, bool) {
	if s.Env != nil {
		return s.Env(name)
	}
	return os.LookupEnv(name)
}

// allowed reports whether an expression has nothing that a file may not have; otherwise
// it reports the error. A plain one needs no names.
func (l *loader) allowed(e hcl.Expression) (plain, ok bool) {
	if json.IsJSONExpression(e) {
		value, _ := e.Value(nil) // its texts, unevaluated
		return false, l.allowedJSON(value, e.Range())
	}
	node, isNode := e.(hclsyntax.Expression)
	if !isNode {
		return false, true
	}
	before := len(l.diags)
	plain = true
	hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *hclsyntax.TupleConsExpr:
		default:
			plain = false
			l.allowedNode(n)
		}
		return nil
	})
	return plain, len(l.diags) == before
}

// allowedJSON checks the templates in the texts of a JSON value.
func (l *loader) allowedJSON(value cty.Value, at hcl.Range) bool {
	ok := true
	cty.Walk(value, func(_ cty.Path, v cty.Value) (bool, error) {
		if !v.IsKnown() || v.IsNull() || v.Type() != cty.String || !strings.Contains(v.AsString(), "{") {
			return true, nil
		}
		node, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), at.Filename, at.Start)
		if !diags.HasErrors() { // otherwise the evaluation reports it
			_, fine := l.allowed(node)
			ok = fine && ok
		}
		return true, nil
	})
	return ok
}

func (l *loader) allowedNode(n hclsyntax.Node) {
	switch n := n.(type) {
	case *hclsyntax.TemplateWrapExpr, *hclsyntax.ScopeTraversalExpr, *hclsyntax.ParenthesesExpr:
		return
	case *hclsyntax.FunctionCallExpr:
		if _, known := functions[n.Name]; !known {
			l.wrong(n.NameRange, "Unknown function", fmt.Sprintf("There is no function %q; expected concat or format.", n.Name))
		}
		return
	case *hclsyntax.UnaryOpExpr:
		if _, number := n.Val.(*hclsyntax.LiteralValueExpr); number && n.Op == hclsyntax.OpNegate {
			return
		}
	case hclsyntax.Expression:
	default: // part of one that is reported
		return
	}
	l.wrong(n.Range(), "Unsupported expression", "Expected a text, a number, true, false, a list, local.NAME, env.NAME, concat(…) or format(…).")
}

// single returns the value of a directive that has one, or reports why there is none.
func (l *loader) single(attr *hcl.Attribute, f form) (items []item, failed bool) {
	value, ok := l.evaluate(attr.Expr)
	if !ok {
		return nil, true
	}
	text, why := textOf(f, value)
	if why != "" {
		l.wrong(attr.Expr.Range(), "Invalid "+attr.Name, attr.Name+": "+why+".")
		return nil, true
	}
	return []item{{text: text, at: attr.Expr.Range()}}, false
}

// elements returns the elements of a list, or reports why there are none. Where the list
// is written out, each has its own place.
func (l *loader) elements(attr *hcl.Attribute, f form) (all []item, failed bool) {
	value, ok := l.evaluate(attr.Expr)
	if ok && !isList(value) {
		l.wrong(attr.Expr.Range(), "Invalid "+attr.Name, attr.Name+": expected a list, as in [\"…\", \"…\"].")
	}
	if !ok || !isList(value) {
		return nil, true
	}
	places, diags := hcl.ExprList(attr.Expr)
	for i, one := range value.AsValueSlice() {
		at := attr.Expr.Range()
		if !diags.HasErrors() && i < len(places) {
			at = places[i].Range()
		}
		text, why := textOf(f, one)
		if why != "" {
			failed = true
			l.wrong(at, "Invalid "+attr.Name, attr.Name+": expected texts in quotes.")
			continue
		}
		all = append(all, item{text: text, at: at})
	}
	return all, failed
}

func isList(v cty.Value) bool {
	return !v.IsNull() && v.IsWhollyKnown() && (v.Type().IsTupleType() || v.Type().IsListType() || v.Type().IsSetType())
}

// textOf is a value as an option reads it, or why it cannot be one.
func textOf(f form, v cty.Value) (text, why string) {
	expected := map[form]string{formText: "a text in quotes", formNumber: "a number", formFlag: "true or false",
		formTime: "seconds, or a time with its unit, as in \"1h30m\""}[f]
	switch {
	case v.IsNull() || !v.IsKnown():
		return "", "expected " + expected + ", not null"
	case v.Type() == cty.String:
		if strings.ContainsRune(v.AsString(), 0) {
			return "", "must not contain a zero byte"
		}
		return v.AsString(), ""
	case v.Type() == cty.Bool && f == formFlag:
		return fmt.Sprint(v.True()), ""
	case v.Type() == cty.Number && (f == formNumber || f == formTime):
		return numberText(v), ""
	}
	return "", "expected " + expected
}

// numberText is a number as an option reads it.
func numberText(v cty.Value) string {
	number := v.AsBigFloat()
	if whole, exact := number.Int64(); exact == big.Exact {
		return strconv.FormatInt(whole, 10)
	}
	if exponent := number.MantExp(nil); exponent > 64 || exponent < -64 { // out of every range, and perhaps very long
		return number.Text('g', 10)
	}
	return number.Text('f', -1)
}
