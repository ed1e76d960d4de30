//go:build !linux

package supervisor

// workerOOMScore: nobody can be offered here.
func workerOOMScore() int32 { return 0 }

type memoryWatch struct{}

func (*memoryWatch) find() {}

func (m *master) sayOutOfMemory() {}
