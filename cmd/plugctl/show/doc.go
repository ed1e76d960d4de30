// Package show turns a master's answers into what an admin reads: tables that
// fit a terminal, human numbers, and JSON. It only formats: what it is given is
// all it knows, so that the same answer always has the same text.
//
// Everything that came over the wire is escaped here: no name, reason or
// version can move a cursor or hide what stands beside it.
package show

// Terminal is the width in columns that output is made for where nobody says
// another one.
const Terminal = 80
