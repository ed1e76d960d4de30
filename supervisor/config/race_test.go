//go:build race

// The race detector slows this package down: what a test of speed allows for that.

package config

const slowdown = 8
