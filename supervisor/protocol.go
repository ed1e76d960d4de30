//go:build !fixture

package supervisor

const protocol = 2 // the newest version of the handover that this master speaks
