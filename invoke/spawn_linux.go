package invoke

import "syscall"

// attributes puts a process into a group of its own. It dies with us, however we end: a handler that never answers would
// outlive a killed server for ever. The system ties that to the thread that starts it; see [process.serve].
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
