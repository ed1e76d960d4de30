//go:build fixture

// Package version, as it was in the program before this one: for the tests of
// upgrades from that program and back to it.
package version

const (
	Board       = 4
	OldestBoard = 4

	Doorbell = 1

	Handover       = 3
	OldestHandover = 3

	Control = 1
)
