//go:build linux && !portable && (mips || mipsle || mips64 || mips64le)

package worker

import "unsafe"

// They begin at 4000 here, and at 5000 with 64 bits (asm/unistd.h).
const (
	sysRingSetup = 4425 + 1000*(unsafe.Sizeof(uintptr(0))/8)
	sysRingEnter = sysRingSetup + 1
)
