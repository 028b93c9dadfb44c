//go:build ignore

// Additions to gonb's package of this name, which gonb calls where home's gonbChanges say so.

package jpyexec

import (
	"os"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// drainTime is how long it may take to pass on what a program has left in its pipe, which holds
// little.
const drainTime = 10 * time.Second

// drain waits until all that the program, which has ended, has displayed is passed on.
func (exec *Executor) drain() {
	if !exec.useNamedPipes {
		return
	}
	// Where the program has displayed nothing, this ends the waiting for it to open the pipe. It is
	// an error where nobody waits or reads.
	pipe, err := os.OpenFile(exec.namedPipeReaderPath, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	_ = pipe.Close()
	select {
	case <-exec.drained:
	case <-time.After(drainTime):
		klog.Warningf("a program's displays aren't read %v after its end", drainTime)
	}
}
