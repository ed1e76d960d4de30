// The texts of the titles.

package title

import (
	"strconv"

	"daemon/plug/worker/address"
)

// The texts are without their NUL. A source is the plug's label, as in session
// lines: "119" or "10.0.0.1:119".

// AppendMaster appends "plug: master 119 (3 sessions)".
func AppendMaster(dst []byte, source string, sessions int) []byte {
	dst = append(dst, "plug: master "...)
	dst = append(dst, source...)
	return appendSessions(dst, sessions)
}

// AppendSpare appends "plug: 119 spare".
func AppendSpare(dst []byte, source string) []byte {
	dst = appendPlug(dst, source)
	return append(dst, " spare"...)
}

// AppendSession appends "plug: 119 10.1.2.3:40112 > 10.0.3.15:119". The
// target is "addr:port".
func AppendSession(dst []byte, source string, client *address.Addr, target string) []byte {
	dst = appendPlug(dst, source)
	dst = append(dst, ' ')
	dst = client.AppendTo(dst)
	dst = append(dst, " > "...)
	return append(dst, target...)
}

// AppendPool appends "plug: 119 pool (12 sessions)".
func AppendPool(dst []byte, source string, sessions int) []byte {
	dst = appendPlug(dst, source)
	dst = append(dst, " pool"...)
	return appendSessions(dst, sessions)
}

func appendPlug(dst []byte, source string) []byte {
	dst = append(dst, "plug: "...)
	return append(dst, source...)
}

func appendSessions(dst []byte, n int) []byte {
	dst = append(dst, " ("...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	if n == 1 {
		return append(dst, " session)"...)
	}
	return append(dst, " sessions)"...)
}
