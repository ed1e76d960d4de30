//go:build !fixture

package report

const version = 2
