// The types of flags' values: times, choices and conditions.

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/supervisor/control"
)

// timeValue is a pflag.Value for a time above 0.
type timeValue time.Duration

func newTimeValue(d *time.Duration, preset time.Duration) *timeValue {
	*d = preset
	return (*timeValue)(d)
}

func (t *timeValue) Type() string   { return "TIME" }
func (t *timeValue) String() string { return time.Duration(*t).String() }

func (t *timeValue) Set(text string) error {
	d, err := pick.Time(text)
	*t = timeValue(d)
	return err
}

// choiceValue is a pflag.Value for one of several words.
type choiceValue struct {
	word    *string
	choices []string
}

func (v choiceValue) Type() string   { return "KEY" }
func (v choiceValue) String() string { return *v.word }

func (v choiceValue) Set(text string) error {
	*v.word = text
	if !slices.Contains(v.choices, text) {
		return fmt.Errorf("expected one of %s", strings.Join(v.choices, ", "))
	}
	return nil
}

// pickValue is a pflag.Value that adds a condition to a filter.
type pickValue struct {
	filter *control.Filter
	word   *pick.Word
}

func (v pickValue) Type() string          { return v.word.Value }
func (v pickValue) String() string        { return "" }
func (v pickValue) Set(text string) error { return v.word.Set(v.filter, text) }
