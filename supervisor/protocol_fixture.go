//go:build fixture

package supervisor

const protocol = 1 // the one before, for tests of upgrades from it and to it
