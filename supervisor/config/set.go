// How the rows of the table put values into a draft, and get texts from a configuration.

package config

import (
	"errors"
	"fmt"
	"time"
)

// given is the value of a flag that was given without one.
const given = "true"

// maxDebug is the level above which nothing more is logged.
const maxDebug = 2

// take reads a value of which the last one given counts.
func take[T any](to *T, text string, parse func(string) (T, error)) (err error) {
	*to, err = parse(text)
	return err
}

// takeMore reads a value that adds to those before it.
func takeMore[T any](to *[]T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	*to = append(*to, value)
	return err
}

func takeNumber(to *int, text string, low, high int) (err error) {
	*to, err = parseNumber(text, low, high)
	return err
}

func takeTime(to *time.Duration, text string, span Span) (err error) {
	*to, err = parseSeconds(text, span)
	return err
}

// takeLevel counts how often the flag was given, except for "--debug=2", which gives the
// level.
func takeLevel(to *int, text string) error {
	if text == given {
		*to = min(*to+1, maxDebug)
		return nil
	}
	return takeNumber(to, text, 0, maxDebug)
}

// parsePath reads the path of a file.
func parsePath(text string) (string, error) {
	if text == "" {
		return "", errors.New("expected the path of a file")
	}
	return text, nil
}

// texts are the texts of a list, [] if it is empty.
func texts[T fmt.Stringer](list []T) []string {
	all := make([]string, 0, len(list))
	for _, one := range list {
		all = append(all, one.String())
	}
	return all
}

// textIf is a value's text, "" if there is no value.
func textIf(there bool, value fmt.Stringer) string {
	if !there {
		return ""
	}
	return value.String()
}
