// Harness: plugs with few spares.

package test

import "fmt"

const poolWorkers = 2

// tightArgs returns arguments that keep few workers ready, so that a few
// clients need new ones.
func tightArgs(mode string) []string {
	if mode == "pool" {
		return []string{"--workers", fmt.Sprint(poolWorkers)}
	}
	return []string{"--spares", "2:3", "--max-workers", "64"}
}
