// Command bare does nothing. Its start and end cost what every Go program's
// must; bench compares a worker's with it.
package main

func main() {}
