// Numbers, words and times as values of options, and the limits of times.

package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseNumber reads a decimal number without a sign, from low to high.
func parseNumber(text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || !isDigits(text) || n < low || n > high {
		return 0, fmt.Errorf("expected a number from %d to %d", low, high)
	}
	return n, nil
}

// parseSpares reads --spares, MIN:MAX. 0:N lets a plug sleep without workers, but it must
// be allowed to have a worker when a client comes.
func parseSpares(text string) (low, high int, err error) {
	before, behind, colon := strings.Cut(text, ":")
	low, err1 := parseNumber(before, 0, MaxWorkers)
	high, err2 := parseNumber(behind, 1, MaxWorkers)
	if !colon || err1 != nil || err2 != nil || low > high {
		return 0, 0, fmt.Errorf("expected MIN:MAX, as in 4:16, with MIN at most MAX and MAX from 1 to %d", MaxWorkers)
	}
	return low, high, nil
}

// parseMode reads --mode.
func parseMode(text string) (Mode, error) {
	switch mode := Mode(text); mode {
	case Fork, Prefork, Pool:
		return mode, nil
	}
	return "", errors.New("expected fork, prefork or pool")
}

// parseLogFormat reads --log-format.
func parseLogFormat(text string) (string, error) {
	if text != "text" && text != "json" {
		return "", errors.New("expected text or json")
	}
	return text, nil
}

// parseDump reads --dump: the form in which to print.
func parseDump(text string) (string, error) {
	switch on, err := strconv.ParseBool(text); {
	case text == "hcl" || text == "json":
		return text, nil
	case err == nil && !on:
		return "", nil
	case err == nil:
		return "hcl", nil
	}
	return "", errors.New("expected hcl or json")
}

// parseBool reads the value of a flag that was given with one, as in --log=false.
func parseBool(text string) (bool, error) {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("expected true or false")
	}
	return on, nil
}

// Span says which durations an option takes.
type Span struct {
	Min, Max time.Duration
	Whole    bool // only whole seconds, as the board counts them
	Off      bool // also 0, which switches the option off
	Why      string
}

// The spans of the options that take a time. The maximum is what the integers of 2.5
// could hold, if no lower limit applies.
func StickySpan() Span {
	return Span{Max: MaxSticky * time.Second, Whole: true, Why: ", the limit of the affinity clock (2^21 seconds)"}
}
func RetrySpan() Span   { return Span{Max: math.MaxInt32 * time.Second, Whole: true} }
func DrainSpan() Span   { return Span{Max: math.MaxInt32 * time.Second} }
func ConnectSpan() Span { return Span{Min: time.Millisecond, Max: time.Hour} }
func CloseSpan() Span   { return Span{Min: time.Millisecond, Max: time.Hour} }
func TimerSpan() Span   { return Span{Min: time.Millisecond, Max: 1000 * time.Hour, Off: true} }
func KeepaliveSpan() Span {
	return Span{Min: time.Second, Max: MaxKeepalive * time.Second, Whole: true, Why: ", the kernel's limit"}
}

// oneOf reads one of these words.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		last := len(words) - 1
		return "", fmt.Errorf("expected %s or %s", strings.Join(words[:last], ", "), words[last])
	}
}

// parseSeconds reads a time: seconds, as in 2.5, or numbers with units in Go's notation,
// "90s", "1h30m", "250ms".
func parseSeconds(text string, span Span) (time.Duration, error) {
	var d time.Duration
	var err error
	if isDigits(text) {
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		d = time.Duration(min(n, math.MaxInt64/int64(time.Second))) * time.Second
	} else {
		unit := ""
		if strings.Trim(text, "0123456789.") == "" {
			unit = "s"
		}
		d, err = time.ParseDuration(text + unit)
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, span.outside()
	case err != nil || text[0] == '+':
		return 0, errors.New("expected seconds, or a time with its unit, as in 90 or 1h30m")
	case d == 0 && span.Off:
	case d < span.Min || d > span.Max:
		return 0, span.outside()
	case span.Whole && d%time.Second != 0:
		return 0, errors.New("expected whole seconds")
	}
	return d, nil
}

func (s Span) outside() error {
	off := ""
	if s.Off {
		off = "0 or "
	}
	return fmt.Errorf("expected %sa time from %v to %v%s", off, s.Min, s.Max, s.Why)
}
