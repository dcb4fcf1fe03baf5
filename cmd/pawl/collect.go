package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// collectLate has the garbage collector wait until the heap is five times what is in
// use, not twice, as long as little is. Most runs leave less than that behind, and a
// bump of a thousand files takes a tenth less time for it (docs/benchmarks.md). With
// more in use, memory matters more, and Go's own setting counts again. It also does
// when the user chose one (https://pkg.go.dev/runtime#hdr-Environment_Variables).
func collectLate() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(400)
	afterCollection(func() (again bool) {
		const little = 16 << 20
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if live[0].Value.Uint64() <= little {
			return true
		}
		debug.SetGCPercent(100)
		return false
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
