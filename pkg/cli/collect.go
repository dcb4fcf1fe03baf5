package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How much larger than what is in use the heap may become before garbage is
// collected, in percent of it. The heap has at least 4 MiB for each 100: a run that
// needs less than that never collects (https://pkg.go.dev/runtime/debug#SetGCPercent).
const (
	collectSoon  = 100
	collectLate  = 400
	collectLater = 1600
)

// little is how much may be in use while collecting late: with more, memory matters
// more than time.
const little = 16 << 20

// collect sets when the garbage collector starts next, unless the user did
// (https://pkg.go.dev/runtime#hdr-Environment_Variables). Most runs leave little
// behind and end soon, and are done in less time without it (docs/benchmarks.md).
// After each collection it is late for the next one, until much is in use.
func (a *app) collect(percent int) {
	if a.host.Getenv("GOGC") != "" || a.host.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(percent)
	afterCollection(func() (again bool) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if live[0].Value.Uint64() > little {
			debug.SetGCPercent(collectSoon)
			return false
		}
		debug.SetGCPercent(collectLate)
		return true
	})
}

// afterCollection calls a function after the next collection, and after those that
// follow as long as it returns true: that of an object that nothing refers to.
func afterCollection(do func() (again bool)) {
	type unused struct{ _ [64]byte }
	runtime.SetFinalizer(new(unused), func(*unused) {
		if do() {
			afterCollection(do)
		}
	})
}
