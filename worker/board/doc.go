// Package board owns the memory that the master shares with the workers of one
// generation, in two parts:
//
//   - the assignment, written by the master alone and read by workers: what to
//     do (targets, rules, options), the gate, and a few words that change while
//     they run;
//   - the state, written by both: rotation, failed marks, affinity, one column
//     of totals for each worker, one row for each session.
//
// A process can be killed between any two stores. So what is held (a row, a
// target's mark, an affinity entry) is one 64-bit owner word, stored at once;
// what is counted is a column that a single worker writes; and the rest of a
// row is published by the store of its word.
//
// Layouts carry a magic, a version and their sizes, and only ever grow: readers
// step by the sizes found in the header, never by their own.
package board
