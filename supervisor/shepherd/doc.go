// Package shepherd owns the process that an admin starts: it starts the master
// and reports to the admin whether it serves.
//
// With -n that process stays as the shepherd, the only process that a service
// manager sees, however often masters are replaced. Without -n it exits as
// soon as the plug serves.
//
// Between the two processes is the starter socket: the master writes a line
// for each event that its starter should know, such as that the plug serves
// (see starter.go); EOF means that the process at the other end has ended.
package shepherd
