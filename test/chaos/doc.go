// Package chaos tests plugs whose processes are killed and stopped, at random or all
// at once: what remains must be right.
package chaos
