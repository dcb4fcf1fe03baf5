package git

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// However many want the lock, also one that a killed process left behind, one has it
// at a time.
func TestLockIsHadByOneAtATime(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	checkout := w.open()
	w.write(".git/index.lock", lockMark)
	var inside, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				lock, err := checkout.lockIndex()
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				if taken.Add(1)%3 == 0 { // killed: the lock file stays, unlocked
					inside.Add(-1)
					_ = lock.held.Close()
					continue
				}
				inside.Add(-1)
				lock.release()
			}
		})
	}
	all.Wait()
	if taken.Load() == 0 {
		t.Error("nobody ever had it")
	}
	_ = os.Remove(w.path(".git/index.lock"))
	if _, err := checkout.lockIndex(); err != nil {
		t.Error(err)
	}
}

// The lock of a Git process is never taken, whatever it holds.
func TestLockOfAnotherProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	for _, content := range []string{"", "DIRC", lockMark[:10], lockMark + "x"} {
		w.write(".git/index.lock", content)
		if _, err := w.open().lockIndex(); !errors.Is(err, ErrLocked) {
			t.Errorf("%q: %v", content, err)
		}
		if got := w.read(".git/index.lock"); got != content {
			t.Errorf("%q became %q", content, got)
		}
	}
	if err := os.Remove(w.path(".git/index.lock")); err != nil {
		t.Fatal(err)
	}
	w.noLitter()
}
