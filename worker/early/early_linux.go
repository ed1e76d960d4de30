//go:build !portable

// The init function that starts a worker.

package early

import (
	"os"

	"daemon/plug/worker"
)

func init() {
	if os.Args[0] != worker.Arg0 {
		return
	}
	if status, over := worker.Early(); over {
		os.Exit(status)
	}
}
