// Package shepherd owns the process that an admin starts: it starts the master
// and tells the admin what became of it.
//
// With -n that process stays as the shepherd, the one process that a service
// manager ever sees, whatever masters come and go behind it. Without -n it is
// gone as soon as the plug serves.
//
// Between the two processes is the starter socket: the master writes a line for
// each thing that its starter should know, such as that the plug serves (see
// starter.go); its end of file means that the other one has ended.
package shepherd
