// Package control tests the control socket as plugctl and other programs use it, and
// plugctl itself with its exporter.
package control
