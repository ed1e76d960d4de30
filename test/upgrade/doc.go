// Package upgrade tests upgrades (USR2) with real binaries: what goes on, and that a
// failed upgrade changes nothing.
package upgrade
