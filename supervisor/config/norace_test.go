//go:build !race

// Without the race detector, tests of speed allow for nothing more.

package config

const slowdown = 1
