// Command bare does nothing. What its start and end cost is what any Go
// program's must, and bench sets a worker's beside it.
package main

func main() {}
