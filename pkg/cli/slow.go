package cli

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// slow tells a person what a command is doing when that takes more than a second.
type slow struct {
	app   *app
	timer *time.Timer

	mu    sync.Mutex
	doing string
	shown bool // the time is over: what is being done is shown
	ended bool
}

// showProgress lets a source tell what it is doing, in one line that is written
// again, if a person watches. What is returned clears the line.
func (a *app) showProgress(source *promotion.Source) func() {
	source.Progress = a.trace
	file, ok := a.host.Err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || a.host.Getenv("TERM") == "dumb" || a.verbose {
		return func() {}
	}
	s := &slow{app: a}
	s.timer = time.AfterFunc(time.Second, s.begin)
	source.Progress = s.tell
	return s.end
}

func (s *slow) tell(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doing = output.Clean(output.Limit(fmt.Sprintf(format, args...), 60))
	s.draw()
}

func (s *slow) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = true
	s.draw()
}

func (s *slow) draw() {
	if s.shown && !s.ended && s.doing != "" {
		_, _ = fmt.Fprintf(s.app.host.Err, "\r\x1b[Kpawl: %s …", s.doing)
	}
}

func (s *slow) end() {
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown && s.doing != "" {
		_, _ = fmt.Fprint(s.app.host.Err, "\r\x1b[K")
	}
	s.ended = true
}
