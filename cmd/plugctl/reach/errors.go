package reach

import "fmt"

// Away says why no master has answered. A master that has answered that it did
// not do what it was asked is a *control.RefusedError.
type Away struct{ Reason string }

func (e *Away) Error() string { return e.Reason }

func awayf(format string, args ...any) error { return &Away{fmt.Sprintf(format, args...)} }
