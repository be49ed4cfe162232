package chime

// Operations gives the names of all operations that are served, so that tables over them can prove to be whole.
func Operations() []string {
	var names []string
	for _, op := range operations() {
		names = append(names, op.name)
	}
	return names
}

// ErrNotOurs is what a call gives that another application drives.
var ErrNotOurs = errNotOurs

// LogsMessages tells whether an application's messages are to be logged.
var LogsMessages = logsMessages
