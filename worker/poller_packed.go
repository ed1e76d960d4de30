//go:build linux && !portable && amd64

package worker

const eventPad = 0 // the 64-bit data follows at offset 4: the struct is packed
