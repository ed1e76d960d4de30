// Times in monotonic ns, which Monotonic reads.

package kernel

// Never is a time that does not come: there is no deadline, and no alarm rings.
const Never = int64(1<<63 - 1)
