//go:build linux && !portable && !amd64

package worker

const eventPad = 4 // the 64-bit data is aligned
