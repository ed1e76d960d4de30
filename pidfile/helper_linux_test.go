// Helper commands that need their own mount namespace.

package pidfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// obeySystem executes commands that need a mount namespace of their own.
func obeySystem(words []string) (string, error) {
	switch words[0] {
	case "tmpfs": // tmpfs DIR SIZE
		return "", unix.Mount("tmpfs", words[1], "tmpfs", 0, "mode=0777,size="+words[2])
	case "bind": // bind FROM TO
		return "", unix.Mount(words[1], words[2], "", unix.MS_BIND, "")
	case "fill": // fill FILE: until the disk is full
		fd, err := unix.Open(words[1], unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
		for err == nil {
			_, err = unix.Write(fd, make([]byte, 4096))
		}
		_ = unix.Close(fd)
		if err != unix.ENOSPC {
			return "", err
		}
		return "", nil
	case "rm":
		return "", os.Remove(words[1])
	case "ls":
		entries, err := os.ReadDir(words[1])
		names := ""
		for _, e := range entries {
			names += " " + e.Name()
		}
		return names, err
	case "cat":
		b, err := os.ReadFile(words[1])
		return fmt.Sprintf("%q", b), err
	}
	return "", fmt.Errorf("unknown command %s", words[0])
}
