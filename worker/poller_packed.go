//go:build linux && !portable && (amd64 || 386)

package worker

const eventPad = 0 // the data follows at offset 4: packed on amd64, so aligned on 386
