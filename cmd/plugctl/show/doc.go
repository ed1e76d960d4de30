// Package show formats a master's answers for an admin: tables that fit a
// terminal, readable numbers, and JSON. Its output depends only on its
// arguments, so the same answer always has the same text.
//
// It escapes everything that came from the socket: no name, reason or version
// can move a cursor or hide the text next to it.
package show

// Terminal is the width of the output, in columns, if no other is known.
const Terminal = 80
