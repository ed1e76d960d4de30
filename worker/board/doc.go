// Package board owns the memory that the master shares with the workers of one
// generation, in two parts:
//
//   - the assignment, written by the master before it starts the first worker,
//     and only read after that: options, rules, targets;
//   - the state, written by both: the gate, rotation, failed marks, affinity,
//     one column of totals for each worker, one row for each session.
//
// A process can be killed between any two stores. So everything that is held
// (a row, a target's mark, an affinity entry) is one 64-bit owner word, stored
// at once; every count is in a column that only one worker writes; and the
// store of a row's word publishes the rest of the row.
//
// A master adopts boards of other versions (package version). It takes the
// places, sizes and counts of all parts from the two heads, copies as much of
// the assignment as there is, and finds the words of each element where its own
// version has them, because new ones come only into a reserve. Golden files
// prove that (testdata/layout-vN).
package board
