//go:build linux && !portable && !mips && !mipsle && !mips64 && !mips64le

package worker

// The numbers of new system calls are the same nearly everywhere
// (asm-generic/unistd.h).
const (
	sysRingSetup = 425
	sysRingEnter = 426
)
