// The letters and their values as getopt(3) reads them, rewritten as long options.

package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"daemon/plug/supervisor/config"
)

// spelledOut is a command line with every option in pflag's only unambiguous form, --long
// or --long=value, so that the old letters keep getopt's parsing: in "-P=/x" the file is
// "=/x", and a letter that is a flag takes no value.
type spelledOut struct {
	args  []string
	typed []string // of each option in args, in order: "-P", "--pidfile"
	old   bool     // -s was among them
}

// spellOut reads argv without the command's name. After an error, what came before the
// error is spelled out: a -V there takes effect, as with getopt.
func spellOut(argv []string) (out spelledOut, err error) {
	for len(argv) > 0 && err == nil {
		arg, rest := argv[0], argv[1:]
		switch {
		case arg == "--":
			out.args = append(out.args, argv...)
			return out, nil
		case strings.HasPrefix(arg, "--"):
			argv, err = out.long(arg, rest)
		case len(arg) > 1 && arg[0] == '-':
			argv, err = out.cluster(arg, rest)
		default:
			out.args = append(out.args, arg)
			argv = rest
		}
	}
	return out, err
}

// cluster spells out one word of letters and returns the rest of argv: the value of the
// first letter that takes one is the rest of the word, or the next word.
func (out *spelledOut) cluster(word string, rest []string) ([]string, error) {
	for i := 1; i < len(word); i++ {
		o, typed := config.OptionByLetter(word[i]), "-"+word[i:i+1]
		switch {
		case word[i] == '=' && i > 1:
			return nil, fmt.Errorf("-%c takes no value, but %q gives it one", word[i-1], word)
		case o == nil:
			return nil, unknownLetter(word, i)
		case o.Long == "":
			out.old = true
		case o.Arg == "":
			out.add("--"+o.Long, typed)
		case i+1 < len(word):
			out.add("--"+o.Long+"="+word[i+1:], typed)
			return rest, nil
		default:
			return out.separate(o, typed, rest)
		}
	}
	return rest, nil
}

func (out *spelledOut) long(word string, rest []string) ([]string, error) {
	name, _, hasValue := strings.Cut(word[2:], "=")
	o := config.OptionByName(name)
	switch {
	case name == "":
		return nil, fmt.Errorf("unknown option %q", word)
	case o == nil:
		return nil, fmt.Errorf("unknown option %q", "--"+name)
	}
	if o.Arg != "" && !hasValue {
		return out.separate(o, word, rest)
	}
	out.add(word, "--"+name)
	return rest, nil
}

// separate takes the next word as the value, whatever it looks like.
func (out *spelledOut) separate(o *config.Option, typed string, rest []string) ([]string, error) {
	if len(rest) == 0 {
		return nil, fmt.Errorf("%s: missing value; expected %s", typed, o.Arg)
	}
	out.add("--"+o.Long+"="+rest[0], typed)
	return rest[1:], nil
}

func (out *spelledOut) add(arg, typed string) {
	out.args = append(out.args, arg)
	out.typed = append(out.typed, typed)
}

func unknownLetter(word string, at int) error {
	_, size := utf8.DecodeRuneInString(word[at:])
	letter := "-" + word[at:at+size]
	if word == letter {
		return fmt.Errorf("unknown option %q", letter)
	}
	return fmt.Errorf("unknown option %q in %q", letter, word)
}
