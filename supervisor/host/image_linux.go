// The program that this process runs, on Linux: the kernel keeps it, even if its
// file is replaced or removed.

package host

// Image is the path of the program that this process runs; it works even if the
// file has been replaced or removed.
func Image() string { return "/proc/self/exe" }
