package reach

import (
	"errors"
	"fmt"
)

// ErrNowhere is what Dial says to Options that name no master.
var ErrNowhere = errors.New("which plug? want its control socket, -s PATH, or its pidfile, -P FILE")

// Away says why no master has answered. A master that has answered that it did
// not do what it was asked is a *control.RefusedError.
type Away struct{ Reason string }

func (e *Away) Error() string { return e.Reason }

func awayf(format string, args ...any) error { return &Away{fmt.Sprintf(format, args...)} }
