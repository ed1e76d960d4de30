// The error if no master answers.

package reach

import "fmt"

// Away is the reason why no master has answered. If a master has answered that
// it did not do what was requested, the error is a *control.RefusedError.
type Away struct{ Reason string }

func (e *Away) Error() string { return e.Reason }

func awayf(format string, args ...any) error { return &Away{fmt.Sprintf(format, args...)} }
