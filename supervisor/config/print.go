// How the nodes of a configuration are printed, in HCL and in its JSON form.

package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// widest is the length of a list above which each element has a line of its own.
const widest = 100

// printHCL prints nodes as "terraform fmt" would.
func printHCL(all []node) string {
	var b strings.Builder
	printBody(&b, all, "")
	return b.String()
}

func printBody(b *strings.Builder, all []node, indent string) {
	for i := 0; i < len(all); {
		if all[i].value == nil {
			if i > 0 {
				b.WriteString("\n")
			}
			printBlock(b, all[i], indent)
			i++
			continue
		}
		group := i
		for i < len(all) && all[i].value != nil {
			i++
		}
		if group > 0 {
			b.WriteString("\n")
		}
		printAttributes(b, all[group:i], indent)
	}
}

func printBlock(b *strings.Builder, n node, indent string) {
	b.WriteString(indent + n.name)
	if n.label != "" {
		b.WriteString(" " + quote(n.label))
	}
	if len(n.body) == 0 {
		b.WriteString(" {}" + comment(n.from) + "\n")
		return
	}
	b.WriteString(" {" + comment(n.from) + "\n")
	printBody(b, n.body, indent+"  ")
	b.WriteString(indent + "}\n")
}

// printAttributes prints attributes with their signs below each other; one of several
// lines begins a new group.
func printAttributes(b *strings.Builder, all []node, indent string) {
	for len(all) > 0 {
		n, name, value := 0, 0, 0
		for n < len(all) {
			text := valueText(all[n].value, indent)
			if strings.Contains(text, "\n") {
				break
			}
			name, value, n = max(name, len(all[n].name)), max(value, len(text)), n+1
		}
		for _, one := range all[:n] {
			line := fmt.Sprintf("%s%-*s = %s", indent, name, one.name, valueText(one.value, indent))
			if one.from != "" {
				line += strings.Repeat(" ", max(0, len(indent)+name+3+min(value, 40)-len(line))) + comment(one.from)
			}
			b.WriteString(line + "\n")
		}
		if n < len(all) {
			one := all[n]
			text := valueText(one.value, indent)
			if one.from != "" {
				text = strings.Replace(text, "[\n", "["+comment(one.from)+"\n", 1)
			}
			b.WriteString(indent + one.name + " = " + text + "\n")
			n++
		}
		all = all[n:]
	}
}

func comment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + printable(text, len(text))
}

func valueText(value any, indent string) string {
	switch v := value.(type) {
	case string:
		return quote(v)
	case []string:
		texts, length := make([]string, len(v)), 0
		for i, one := range v {
			texts[i] = quote(one)
			length += len(texts[i]) + 2
		}
		if length <= widest {
			return "[" + strings.Join(texts, ", ") + "]"
		}
		return "[\n" + indent + "  " + strings.Join(texts, ",\n"+indent+"  ") + ",\n" + indent + "]"
	}
	return fmt.Sprint(value)
}

// quote is a text as HCL reads it.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(text[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		case r > 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case r != utf8.RuneError && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// printJSON prints nodes in HCL's JSON form. Blocks of a kind are a list of objects,
// which keeps their order.
func printJSON(all []node) string {
	text, err := json.MarshalIndent(object(all), "", "  ")
	if err != nil {
		panic(err) // texts, numbers and flags: JSON can represent all of them
	}
	return string(text) + "\n"
}

// object is a body as JSON members: its attributes, and then its blocks, those of a kind
// together.
func object(all []node) (out members) {
	blocks, kinds := make(map[string][]members), []string(nil)
	for _, n := range all {
		switch v := n.value.(type) {
		case nil:
			if blocks[n.name] == nil {
				kinds = append(kinds, n.name)
			}
			blocks[n.name] = append(blocks[n.name], members{{n.label, object(n.body)}})
		case string:
			out = append(out, member{n.name, escape(v)})
		case []string:
			texts := make([]string, len(v))
			for i, one := range v {
				texts[i] = escape(one)
			}
			out = append(out, member{n.name, texts})
		default:
			out = append(out, member{n.name, v})
		}
	}
	for _, kind := range kinds {
		out = append(out, member{kind, blocks[kind]})
	}
	return out
}

// escape is a text in which no template begins.
func escape(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text)
}
