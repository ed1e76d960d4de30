//go:build fixture

package report

const version = 1 // the one before, for tests of upgrades
