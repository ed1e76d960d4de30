// Claiming the memory of a process's arguments and environment for its title.

package title

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

var claimed *Title

// Claim takes the memory of the program's arguments for titles, and with env
// also the environment's, which follows it. os.Args must still be as the
// runtime made it: its strings lie in that memory, so Claim puts clones in
// their place. Strings that were taken out of os.Args before, such as the
// program name that packages flag and pflag keep, will show the titles. The
// environment needs no such care, since the runtime has copied it.
//
// With env it reads /proc/self/stat; if it can't, it takes only the arguments.
// A second call returns the first one's Title.
func Claim(env bool) *Title {
	if claimed != nil {
		return claimed
	}
	start, length := argumentArea(os.Args)
	if length == 0 {
		return nil
	}
	room := length
	if env {
		room = withEnvironment(uintptr(unsafe.Pointer(start)), length)
	}
	args := make([]string, len(os.Args))
	for i, arg := range os.Args {
		args[i] = strings.Clone(arg)
	}
	os.Args = args
	claimed = &Title{area: unsafe.Slice(start, room), args: length}
	return claimed
}

// argumentArea is where the arguments lie, each followed by a NUL. The address
// of an empty string is not reliable; it lies where its neighbours leave a
// byte for its NUL.
func argumentArea(args []string) (start *byte, length int) {
	for i, arg := range args {
		if arg == "" {
			length++
			continue
		}
		data := unsafe.StringData(arg)
		if start == nil {
			start = (*byte)(unsafe.Add(unsafe.Pointer(data), -length))
		} else if unsafe.Add(unsafe.Pointer(start), length) != unsafe.Pointer(data) {
			return nil, 0 // argument i has been replaced
		}
		length += len(args[i]) + 1
	}
	if start == nil {
		return nil, 0
	}
	return start, length
}

// withEnvironment is the length of arguments and environment together, or only
// that of the arguments if the kernel sees them at another place.
func withEnvironment(start uintptr, length int) int {
	edges, ok := stackEdges()
	if !ok || edges[0] != uint64(start) || edges[1] != uint64(start)+uint64(length) ||
		edges[2] != edges[1] || edges[3] < edges[2] || edges[3]-edges[2] > 1<<30 {
		return length
	}
	return length + int(edges[3]-edges[2])
}

// stackEdges is arg_start, arg_end, env_start and env_end of proc_pid_stat(5),
// its fields 48 to 51.
func stackEdges() (edges [4]uint64, ok bool) {
	var buffer [2048]byte
	fd, err := syscall.Open("/proc/self/stat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return edges, false
	}
	n, err := syscall.Read(fd, buffer[:])
	syscall.Close(fd)
	if err != nil {
		return edges, false
	}
	return parseStat(buffer[:n])
}

// parseStat counts fields from the last parenthesis on, since the name in
// field 2 may contain spaces and parentheses.
func parseStat(stat []byte) (edges [4]uint64, ok bool) {
	_, rest, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte{' '})
	for field := 3; ok && field < 52; field++ {
		var value []byte
		value, rest, ok = bytes.Cut(rest, []byte{' '})
		if field >= 48 {
			edge, err := strconv.ParseUint(string(value), 10, 64)
			if err != nil {
				return edges, false
			}
			edges[field-48] = edge
		}
	}
	return edges, ok
}
