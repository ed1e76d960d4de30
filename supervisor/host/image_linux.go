// The program that this process runs, on Linux: the kernel keeps it, whatever
// happens to its file.

package host

// Image is the program that this process runs, also when its file has been
// replaced or removed.
func Image() string { return "/proc/self/exe" }
