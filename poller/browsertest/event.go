package browsertest

// event is what the browser tells without being asked.
type event struct {
	Method string
	Params struct {
		Type  string                 // of Runtime.consoleAPICalled
		Entry struct{ Level string } // of Log.entryAdded
	}
}

// complains reports whether it is an error on a page's console.
func (e event) complains() bool {
	switch e.Method {
	case "Runtime.exceptionThrown":
		return true
	case "Runtime.consoleAPICalled":
		return e.Params.Type == "error" || e.Params.Type == "assert"
	case "Log.entryAdded":
		return e.Params.Entry.Level == "error"
	}
	return false
}
