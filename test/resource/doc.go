// Package resource tests plugs that run out of something, one resource after another,
// and get it back.
package resource
